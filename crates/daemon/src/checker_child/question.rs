//! What checks ask, apart from whom: those of thousands of servers that ask the same share one question.

use std::net::SocketAddr;
use std::sync::Arc;

use config::model::CheckKind;

use super::alike::Alike;
use super::specs;

/// What a check asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Question {
    /// Where it goes says [`Self::elsewhere`], or the place of the server.
    pub(super) kind: Arc<CheckKind>,
    /// Where it asks, if that is not where the server is. Few do.
    pub(super) elsewhere: Option<Arc<SocketAddr>>,
}

/// Questions that were asked last, to be shared.
#[derive(Debug, Default)]
pub(super) struct Questions {
    kinds: Alike<CheckKind>,
    places: Alike<SocketAddr>,
}

impl Questions {
    /// What is asked of a server that is at `own`.
    pub(super) fn of(&mut self, written: &CheckKind, own: SocketAddr) -> Question {
        let mut kind = written.clone();
        let place =
            specs::way_mut(&mut kind).map(|way| std::mem::replace(&mut way.server, NOWHERE));
        let elsewhere = place.filter(|place| *place != own).map(|place| self.places.share(place));
        Question { kind: self.kinds.share(kind), elsewhere }
    }
}

const NOWHERE: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED), 0);

#[cfg(test)]
mod tests {
    use config::model::Way;

    use super::*;

    fn asks(server: &str, mark: Option<u32>) -> CheckKind {
        let server = server.parse().unwrap();
        CheckKind::Tcp(Way { server, source: None, source_port: None, link: None, mark })
    }

    #[test]
    fn servers_that_are_asked_the_same_share_the_question_wherever_they_are() {
        let mut questions = Questions::default();
        let mut of =
            |server: &str, mark| questions.of(&asks(server, mark), server.parse().unwrap()).kind;
        let first = of("192.0.2.11:80", None);
        let marked = of("192.0.2.11:80", Some(7));
        assert!(Arc::ptr_eq(&first, &of("192.0.2.12:81", None)));
        assert!(Arc::ptr_eq(&marked, &of("[2001:db8::1]:80", Some(7))));
        assert_ne!(first, marked);
    }

    #[test]
    fn where_a_check_asks_counts_if_that_is_not_its_server() {
        let mut questions = Questions::default();
        let own = "192.0.2.11:80".parse().unwrap();
        assert_eq!(questions.of(&asks("192.0.2.11:80", None), own).elsewhere, None);
        let other = questions.of(&asks("192.0.2.11:81", None), own);
        assert_eq!(other.elsewhere, "192.0.2.11:81".parse().ok().map(Arc::new));
    }
}
