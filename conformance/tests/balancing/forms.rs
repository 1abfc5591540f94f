//! What a configuration says of services and servers, as the kernel has it.

use std::time::Duration;

use anyhow::Result;
use conformance::farm::{Farm, Story, plain, pool};
use conformance::subject::Subject;

pub(crate) const STORIES: &[Story] = &[
    Story::new("a_group_of_addresses_ranges_and_marks", group),
    Story::new("a_mark_of_packets", mark),
    Story::new("persistence_with_and_without_a_mask", persistence),
    Story::new("schedulers_with_their_flags", schedulers),
    Story::new("servers_of_each_kind_of_forwarding", forwarding),
    Story::new("a_server_takes_the_port_of_its_service_unless_packets_are_rewritten", ports),
    Story::new("services_of_ipv6", six),
    Story::new("services_of_each_protocol", protocols),
    Story::new("thresholds_of_connections", thresholds),
    Story::new("weights_of_every_size", weights),
    Story::new("a_server_that_stands_twice_counts_once", twice),
    Story::new("the_incumbent_joins_the_servers_of_a_service_that_stands_twice", joined)
        .only(Subject::Keepalived),
    Story::new("a_service_that_stands_twice_counts_once", second_left_out).only(Subject::Ours),
];

fn start(farm: &mut Farm, configuration: &str, expected: &[&str]) -> Result<()> {
    farm.start("a", configuration)?;
    farm.expect_table("a", expected)
}

fn group(farm: &mut Farm) -> Result<()> {
    let configuration = "
virtual_server_group web {
    192.0.2.10-12 80
    192.0.2.20 8080
    fwmark 7
}
virtual_server group web {
    lb_algo wrr
    lb_kind DR
    protocol TCP
    real_server 192.0.2.21 80 {
        weight 2
    }
}
";
    let expected = [
        "-A -t 192.0.2.10:80 -s wrr",
        "-A -t 192.0.2.11:80 -s wrr",
        "-A -t 192.0.2.12:80 -s wrr",
        "-A -t 192.0.2.20:8080 -s wrr",
        "-A -f 7 -s wrr",
        "-a -t 192.0.2.10:80 -r 192.0.2.21:80 -g -w 2",
        "-a -t 192.0.2.11:80 -r 192.0.2.21:80 -g -w 2",
        "-a -t 192.0.2.12:80 -r 192.0.2.21:80 -g -w 2",
        "-a -t 192.0.2.20:8080 -r 192.0.2.21:8080 -g -w 2",
        "-a -f 7 -r 192.0.2.21:0 -g -w 2",
    ];
    start(farm, configuration, &expected)
}

fn mark(farm: &mut Farm) -> Result<()> {
    let configuration = "
virtual_server fwmark 7 {
    lb_algo rr
    lb_kind DR
    real_server 192.0.2.21 80 {
    }
}
virtual_server fwmark 8 {
    lb_algo rr
    lb_kind NAT
    ip_family inet6
    persistence_timeout 60
    real_server 2001:db8::21 80 {
    }
}
virtual_server fwmark 9 {
    lb_algo rr
    lb_kind NAT
    real_server 2001:db8::21 80 {
    }
}
";
    let expected = [
        "-A -f 7 -s rr",
        "-a -f 7 -r 192.0.2.21:0 -g -w 1",
        "-A -f 8 -6 -s rr -p 60",
        "-a -f 8 -6 -r [2001:db8::21]:80 -m -w 1",
        "-A -f 9 -6 -s rr",
        "-a -f 9 -6 -r [2001:db8::21]:80 -m -w 1",
    ];
    start(farm, configuration, &expected)
}

fn persistence(farm: &mut Farm) -> Result<()> {
    let service =
        |last: u8, lines: &str| plain(last, 80, &format!("lb_algo rr\n protocol TCP\n {lines}"));
    let configuration = [
        service(10, "persistence_timeout 50"),
        service(11, "persistence_timeout"),
        service(12, "persistence_timeout 60\n persistence_granularity 255.255.255.0"),
        service(13, "persistence_timeout 0"),
        service(15, "persistence_granularity 255.255.255.0"),
        "virtual_server 192.0.2.14 {\n lb_algo rr\n lb_kind DR\n protocol TCP\n real_server 192.0.2.21 {\n }\n}\n".to_owned(),
    ];
    let expected = [
        "-A -t 192.0.2.10:80 -s rr -p 50",
        "-A -t 192.0.2.11:80 -s rr -p 360",
        "-A -t 192.0.2.12:80 -s rr -p 60 -M 255.255.255.0",
        "-A -t 192.0.2.13:80 -s rr",
        "-A -t 192.0.2.14:0 -s rr -p 360",
        "-A -t 192.0.2.15:80 -s rr -p 360 -M 255.255.255.0",
        "-a -t 192.0.2.10:80 -r 192.0.2.21:80 -m -w 1",
        "-a -t 192.0.2.11:80 -r 192.0.2.21:80 -m -w 1",
        "-a -t 192.0.2.12:80 -r 192.0.2.21:80 -m -w 1",
        "-a -t 192.0.2.13:80 -r 192.0.2.21:80 -m -w 1",
        "-a -t 192.0.2.14:0 -r 192.0.2.21:0 -g -w 1",
        "-a -t 192.0.2.15:80 -r 192.0.2.21:80 -m -w 1",
    ];
    start(farm, &configuration.concat(), &expected)
}

fn schedulers(farm: &mut Farm) -> Result<()> {
    let rows = [
        (10, "lb_algo sh\n sh-port", "sh -b sh-port"),
        (11, "lb_algo sh\n sh-fallback\n sh-port", "sh -b sh-fallback,sh-port"),
        (12, "lb_algo mh\n mh-port\n mh-fallback", "mh -b mh-fallback,mh-port"),
        (13, "lb_algo wlc", "wlc"),
        (14, "lb_algo sed", "sed"),
        (15, "lb_algo nq", "nq"),
        (16, "lb_algo lblcr", "lblcr"),
        (17, "lb_algo fo", "fo"),
        (18, "lb_algo ovf", "ovf"),
        (19, "lb_algo dh", "dh"),
        (20, "lb_algo rr\n flag-2", "rr -b flag-2"),
    ];
    let (mut configuration, mut expected) = (String::new(), Vec::new());
    for (last, lines, shown) in rows {
        configuration.push_str(&plain(last, 80, &format!("{lines}\n protocol TCP")));
        expected.push(format!("-A -t 192.0.2.{last}:80 -s {shown}"));
        expected.push(format!("-a -t 192.0.2.{last}:80 -r 192.0.2.21:80 -m -w 1"));
    }
    farm.start("a", &configuration)?;
    farm.expect_table("a", &expected)
}

fn forwarding(farm: &mut Farm) -> Result<()> {
    let configuration = "
virtual_server 192.0.2.10 80 {
    lb_algo rr
    lb_kind DR
    protocol TCP
    real_server 192.0.2.21 80 {
    }
    real_server 192.0.2.22 8080 {
        lvs_method NAT
    }
    real_server 192.0.2.23 80 {
        lvs_method TUN
    }
    real_server 192.0.2.24 80 {
        lvs_method TUN type gue port 6080 csum
    }
    real_server 192.0.2.25 80 {
        lvs_method TUN type gre nocsum
    }
    real_server 2001:db8::21 80 {
        lvs_method TUN type ipip
    }
}
";
    let expected = [
        "-A -t 192.0.2.10:80 -s rr",
        "-a -t 192.0.2.10:80 -r 192.0.2.21:80 -g -w 1",
        "-a -t 192.0.2.10:80 -r 192.0.2.22:8080 -m -w 1",
        "-a -t 192.0.2.10:80 -r 192.0.2.23:80 -i -w 1 --tun-type ipip",
        "-a -t 192.0.2.10:80 -r 192.0.2.24:80 -i -w 1 --tun-type gue --tun-port 6080 --tun-csum",
        "-a -t 192.0.2.10:80 -r 192.0.2.25:80 -i -w 1 --tun-type gre --tun-nocsum",
        "-a -t 192.0.2.10:80 -r [2001:db8::21]:80 -i -w 1 --tun-type ipip",
    ];
    start(farm, configuration, &expected)
}

fn ports(farm: &mut Farm) -> Result<()> {
    let configuration = "
virtual_server 192.0.2.10 80 {
    lb_algo rr
    lb_kind DR
    protocol TCP
    real_server 192.0.2.21 8080 {
    }
}
virtual_server 192.0.2.11 80 {
    lb_algo rr
    lb_kind NAT
    protocol TCP
    real_server 192.0.2.21 8080 {
    }
    real_server 192.0.2.22 {
    }
}
";
    let expected = [
        "-A -t 192.0.2.10:80 -s rr",
        "-a -t 192.0.2.10:80 -r 192.0.2.21:80 -g -w 1",
        "-A -t 192.0.2.11:80 -s rr",
        "-a -t 192.0.2.11:80 -r 192.0.2.21:8080 -m -w 1",
        "-a -t 192.0.2.11:80 -r 192.0.2.22:80 -m -w 1",
    ];
    start(farm, configuration, &expected)
}

fn six(farm: &mut Farm) -> Result<()> {
    let configuration = "
virtual_server 2001:db8::10 443 {
    lb_algo wrr
    lb_kind NAT
    protocol TCP
    persistence_timeout 300
    persistence_granularity 64
    real_server 2001:db8::21 443 {
        weight 3
    }
}
";
    let expected = [
        "-A -t [2001:db8::10]:443 -s wrr -p 300 -M 64",
        "-a -t [2001:db8::10]:443 -r [2001:db8::21]:443 -m -w 3",
    ];
    start(farm, configuration, &expected)
}

fn protocols(farm: &mut Farm) -> Result<()> {
    let (mut configuration, mut expected) = (String::new(), Vec::new());
    for (last, line, option) in [
        (10, "protocol UDP\n ops", ("-u", " -o")),
        (11, "protocol SCTP", ("--sctp-service", "")),
        (12, "", ("-u", "")),
    ] {
        let (option, rest) = option;
        configuration.push_str(&plain(last, 53, &format!("{line}\n lb_algo rr")));
        expected.push(format!("-A {option} 192.0.2.{last}:53 -s rr{rest}"));
        expected.push(format!("-a {option} 192.0.2.{last}:53 -r 192.0.2.21:53 -m -w 1"));
    }
    farm.start("a", &configuration)?;
    farm.expect_table("a", &expected)
}

fn thresholds(farm: &mut Farm) -> Result<()> {
    let configuration = "
virtual_server 192.0.2.10 80 {
    lb_algo rr
    lb_kind NAT
    protocol TCP
    real_server 192.0.2.21 80 {
        uthreshold 100
        lthreshold 10
    }
}
";
    let expected = ["-A -t 192.0.2.10:80 -s rr", "-a -t 192.0.2.10:80 -r 192.0.2.21:80 -m -w 1"];
    start(farm, configuration, &expected)?;
    let shown = farm.a()?.space().run("ipvsadm -Ln --thresholds")?;
    let row = shown.lines().find(|line| line.contains("192.0.2.21:80")).unwrap_or_default();
    let words: Vec<&str> = row.split_whitespace().collect();
    anyhow::ensure!(words.get(2..4) == Some(&["100", "10"]), "{shown}");
    Ok(())
}

fn weights(farm: &mut Farm) -> Result<()> {
    let configuration = "
virtual_server 192.0.2.10 80 {
    lb_algo wrr
    lb_kind NAT
    protocol TCP
    real_server 192.0.2.21 80 {
        weight 0
    }
    real_server 192.0.2.22 80 {
        weight 65536
    }
    weight 7
    real_server 192.0.2.23 80 {
    }
    real_server 192.0.2.24 80 {
        weight 2147483647
    }
}
";
    let expected = [
        "-A -t 192.0.2.10:80 -s wrr",
        "-a -t 192.0.2.10:80 -r 192.0.2.21:80 -m -w 0",
        "-a -t 192.0.2.10:80 -r 192.0.2.22:80 -m -w 65536",
        "-a -t 192.0.2.10:80 -r 192.0.2.23:80 -m -w 7",
        "-a -t 192.0.2.10:80 -r 192.0.2.24:80 -m -w 2147483647",
    ];
    start(farm, configuration, &expected)
}

fn twice(farm: &mut Farm) -> Result<()> {
    let configuration = "
virtual_server 192.0.2.10 80 {
    lb_algo rr
    lb_kind NAT
    protocol TCP
    real_server 192.0.2.21 80 {
        weight 2
    }
    real_server 192.0.2.21 80 {
        weight 9
    }
}
virtual_server 192.0.2.11 80 {
    lb_algo rr
    lb_kind NAT
    protocol TCP
}
";
    let expected = ["-A -t 192.0.2.10:80 -s rr", "-a -t 192.0.2.10:80 -r 192.0.2.21:80 -m -w 2"];
    start(farm, configuration, &expected)
}

/// Twice the same service, with another server and another scheduler.
fn same(farm: &mut Farm) -> Result<()> {
    let one = |server: u8, algorithm: &str| {
        plain(10, 80, &format!("lb_algo {algorithm}\n protocol TCP"))
            .replace("192.0.2.21", &format!("192.0.2.{server}"))
    };
    farm.start("a", &[one(21, "rr"), one(22, "wlc")].concat())
}

fn joined(farm: &mut Farm) -> Result<()> {
    same(farm)?;
    farm.expect_table("a", &pool(&[(1, 1), (2, 1)]))
}

fn second_left_out(farm: &mut Farm) -> Result<()> {
    same(farm)?;
    farm.expect_table("a", &pool(&[(1, 1)]))?;
    farm.expect_no_change("a", Duration::from_secs(2))
}
