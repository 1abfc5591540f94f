//! The rows of the table, one file for each region of a configuration, and the places where they stand.

mod checker;
mod global_daemon;
mod global_process;
mod global_vrrp;
mod group;
mod instance;
mod rows;
mod top;
mod tracker;
mod virtual_server;

use super::Place;

pub(crate) use rows::SCHEDULERS;

/// All places, the top level first.
pub(super) const PLACES: &[Place] = &[
    Place { path: &[], sections: &[top::TOP] },
    Place {
        path: &["global_defs"],
        sections: &[
            global_daemon::DAEMON,
            global_vrrp::VRRP,
            global_process::PROCESS,
            global_process::OBSERVERS,
        ],
    },
    Place { path: &["vrrp_instance"], sections: &[instance::INSTANCE, instance::NOTIFY] },
    Place { path: &["vrrp_instance", "authentication"], sections: &[instance::AUTHENTICATION] },
    Place { path: &["vrrp_instance", "auth_hmac"], sections: &[instance::AUTH_HMAC] },
    Place { path: &["vrrp_sync_group"], sections: &[group::SYNC_GROUP] },
    Place { path: &["track_group"], sections: &[group::TRACK_GROUP] },
    Place { path: &["garp_group"], sections: &[group::GARP_GROUP] },
    Place { path: &["vrrp_script"], sections: &[tracker::SCRIPT] },
    Place { path: &["vrrp_track_process"], sections: &[tracker::PROCESS] },
    Place { path: &["track_file"], sections: &[tracker::FILE] },
    Place { path: &["vrrp_track_file"], sections: &[tracker::FILE] },
    Place { path: &["bfd_instance"], sections: &[tracker::BFD] },
    Place { path: &["SSL"], sections: &[virtual_server::SSL] },
    Place { path: &["virtual_server_group"], sections: &[virtual_server::GROUP] },
    Place { path: &["virtual_server"], sections: &[virtual_server::VIRTUAL_SERVER] },
    Place { path: &["virtual_server", "real_server"], sections: &[virtual_server::REAL_SERVER] },
    Place {
        path: &["virtual_server", "real_server", "TCP_CHECK"],
        sections: &[checker::CONNECT, checker::REPEAT],
    },
    Place {
        path: &["virtual_server", "real_server", "HTTP_GET"],
        sections: &[checker::CONNECT, checker::REPEAT, checker::HTTP],
    },
    Place {
        path: &["virtual_server", "real_server", "HTTP_GET", "url"],
        sections: &[checker::URL],
    },
    Place {
        path: &["virtual_server", "real_server", "SSL_GET"],
        sections: &[checker::CONNECT, checker::REPEAT, checker::HTTP, checker::HTTPS, checker::TLS],
    },
    Place {
        path: &["virtual_server", "real_server", "SSL_GET", "url"],
        sections: &[checker::URL, checker::HTTPS_URL],
    },
    Place {
        path: &["virtual_server", "real_server", "GRPC_CHECK"],
        sections: &[checker::CONNECT, checker::REPEAT, checker::GRPC, checker::TLS],
    },
    Place {
        path: &["virtual_server", "real_server", "SMTP_CHECK"],
        sections: &[checker::CONNECT, checker::REPEAT, checker::SMTP],
    },
    Place {
        path: &["virtual_server", "real_server", "SMTP_CHECK", "host"],
        sections: &[checker::CONNECT, checker::REPEAT],
    },
    Place {
        path: &["virtual_server", "real_server", "DNS_CHECK"],
        sections: &[checker::CONNECT, checker::REPEAT, checker::DNS],
    },
    Place {
        path: &["virtual_server", "real_server", "PING_CHECK"],
        sections: &[checker::CONNECT, checker::REPEAT],
    },
    Place {
        path: &["virtual_server", "real_server", "UDP_CHECK"],
        sections: &[checker::CONNECT, checker::REPEAT, checker::UDP],
    },
    Place {
        path: &["virtual_server", "real_server", "MISC_CHECK"],
        sections: &[checker::REPEAT, checker::MISC],
    },
    Place { path: &["virtual_server", "real_server", "FILE_CHECK"], sections: &[checker::FILE] },
    Place { path: &["virtual_server", "real_server", "BFD_CHECK"], sections: &[checker::BFD] },
];
