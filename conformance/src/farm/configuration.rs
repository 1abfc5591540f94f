//! What directors are configured with, and how their kernels show it.

/// A real server's pool in the words of `ipvsadm`: service `192.0.2.10:80` by rr over NAT, of servers with weights.
#[must_use]
pub fn pool(servers: &[(u8, u32)]) -> Vec<String> {
    let mut lines = vec!["-A -t 192.0.2.10:80 -s rr".to_owned()];
    lines.extend(servers.iter().map(|(number, weight)| {
        format!("-a -t 192.0.2.10:80 -r 192.0.2.2{number}:80 -m -w {weight}")
    }));
    lines
}

/// The router of `192.0.2.10` between the directors.
#[must_use]
pub fn router(priority: u8) -> String {
    format!(
        "vrrp_instance VI_1 {{\n    interface eth0\n    virtual_router_id 51\n    priority {priority}\n    advert_int 1\n    \
         virtual_ipaddress {{\n        192.0.2.10/24\n    }}\n}}\n"
    )
}

/// Service `192.0.2.10:80` by rr over NAT with a check each second: `lines`, then `servers`.
#[must_use]
pub fn service(lines: &[&str], servers: &[String]) -> String {
    let mut text = String::from("virtual_server 192.0.2.10 80 {\n");
    let usual = ["delay_loop 1", "lb_algo rr", "lb_kind NAT", "protocol TCP"];
    for line in usual.iter().chain(lines) {
        text.push_str(&format!("    {line}\n"));
    }
    servers.iter().for_each(|server| text.push_str(server));
    text.push_str("}\n");
    text
}

/// Real server `number` at port 80, with these lines.
#[must_use]
pub fn real_server(number: u8, lines: &[&str]) -> String {
    let mut text = format!("    real_server 192.0.2.2{number} 80 {{\n");
    lines.iter().for_each(|line| text.push_str(&format!("        {line}\n")));
    text.push_str("    }\n");
    text
}

/// A virtual server of its own, `192.0.2.LAST` over NAT, with these lines and real server 1 at the same port.
#[must_use]
pub fn plain(last: u8, port: u16, lines: &str) -> String {
    format!(
        "virtual_server 192.0.2.{last} {port} {{\n lb_kind NAT\n {lines}\n real_server 192.0.2.21 {port} {{\n }}\n}}\n"
    )
}

/// Lets programs run.
pub const SECURE: &str = "global_defs {\n    script_user root\n    enable_script_security\n}\n";
