//! What stands: the sets and chains of a table, and the elements of a set.

use std::collections::{BTreeMap, BTreeSet};

use rustix::io::Errno;

use super::set::{
    COMMENT_OF_ELEMENT, COMMENT_OF_SET, ELEMENT_DATA, ELEMENT_KEY, ELEMENT_USERDATA, SET_USERDATA,
    comment,
};
use super::transaction::{
    CHAIN_NAME, CHAIN_TABLE, ELEMENTS_LIST, ELEMENTS_SET, ELEMENTS_TABLE, LIST_ELEMENT, SET_NAME,
    SET_TABLE, Table, begin,
};
use super::verdict::DATA_VALUE;
use crate::netlink::message::{Attributes, text};
use crate::netlink::{NetlinkError, RequestSocket};

/// Reads the ruleset of the network namespace that it was opened in.
#[derive(Debug)]
pub struct Reader {
    socket: RequestSocket,
}

/// An element as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenElement {
    /// Its key.
    pub key: Vec<u8>,
    /// What a map says of it, if that is bytes; none for a verdict.
    pub value: Option<Vec<u8>>,
    /// Its comment.
    pub comment: Option<String>,
}

impl Reader {
    /// Opens a socket.
    ///
    /// **Errors**: the kernel has no netfilter netlink.
    pub fn open() -> Result<Self, NetlinkError> {
        Ok(Self { socket: RequestSocket::open_netfilter()? })
    }

    /// The sets and maps of a table, with their comments; none if there is no such table.
    ///
    /// **Errors**: the kernel refuses to be read.
    pub fn sets(
        &mut self,
        table: &Table,
    ) -> Result<BTreeMap<String, Option<String>>, NetlinkError> {
        let sets = std::cell::RefCell::new(BTreeMap::new());
        let operation = "read sets of nftables";
        let request = || begin(GETSET, DUMP, table).text(SET_TABLE, &table.name);
        let read = self.socket.dump(
            operation,
            request,
            || sets.borrow_mut().clear(),
            |message| {
                let find = |kind| find(payload(message.payload), kind);
                if find(SET_TABLE).map(text).as_ref() == Some(&table.name)
                    && let Some(name) = find(SET_NAME)
                {
                    let comment = find(SET_USERDATA).and_then(|it| comment(COMMENT_OF_SET, it));
                    sets.borrow_mut().insert(text(name), comment);
                }
            },
        );
        present(read)?;
        Ok(sets.into_inner())
    }

    /// The names of the chains of a table; none if there is no such table.
    ///
    /// **Errors**: the kernel refuses to be read.
    pub fn chains(&mut self, table: &Table) -> Result<BTreeSet<String>, NetlinkError> {
        let chains = std::cell::RefCell::new(BTreeSet::new());
        let operation = "read chains of nftables";
        let request = || begin(GETCHAIN, DUMP, table).text(CHAIN_TABLE, &table.name);
        let read = self.socket.dump(
            operation,
            request,
            || chains.borrow_mut().clear(),
            |message| {
                let find = |kind| find(payload(message.payload), kind);
                if find(CHAIN_TABLE).map(text).as_ref() == Some(&table.name) {
                    chains.borrow_mut().extend(find(CHAIN_NAME).map(text));
                }
            },
        );
        present(read)?;
        Ok(chains.into_inner())
    }

    /// The elements of a set or map; none if there is no such set.
    ///
    /// **Errors**: the kernel refuses to be read.
    pub fn elements(&mut self, table: &Table, set: &str) -> Result<Vec<SeenElement>, NetlinkError> {
        let elements = std::cell::RefCell::new(Vec::new());
        let operation = "read elements of nftables";
        let request = || {
            begin(GETSETELEM, DUMP, table).text(ELEMENTS_TABLE, &table.name).text(ELEMENTS_SET, set)
        };
        let read = self.socket.dump(
            operation,
            request,
            || elements.borrow_mut().clear(),
            |message| {
                let list = find(payload(message.payload), ELEMENTS_LIST);
                let each = Attributes(list.unwrap_or_default());
                let each = each.filter(|(kind, _)| *kind == LIST_ELEMENT);
                elements.borrow_mut().extend(each.filter_map(|(_, value)| element(value)));
            },
        );
        present(read)?;
        Ok(elements.into_inner())
    }
}

fn element(bytes: &[u8]) -> Option<SeenElement> {
    let find = |kind| find(Attributes(bytes), kind);
    let data = |kind| self::find(Attributes(find(kind)?), DATA_VALUE);
    Some(SeenElement {
        key: data(ELEMENT_KEY)?.to_vec(),
        value: data(ELEMENT_DATA).map(<[u8]>::to_vec),
        comment: find(ELEMENT_USERDATA).and_then(|it| comment(COMMENT_OF_ELEMENT, it)),
    })
}

/// What is not there has nothing in it.
fn present(read: Result<(), NetlinkError>) -> Result<(), NetlinkError> {
    match read {
        Err(NetlinkError::Refused { errno: Errno::NOENT, .. }) => Ok(()),
        other => other,
    }
}

/// The attributes behind `struct nfgenmsg`.
fn payload(bytes: &[u8]) -> Attributes<'_> {
    Attributes(bytes.get(4..).unwrap_or_default())
}

fn find<'a>(mut attributes: Attributes<'a>, kind: u16) -> Option<&'a [u8]> {
    attributes.find(|(found, _)| *found == kind).map(|(_, value)| value)
}

const DUMP: u16 = 0x300;
const GETCHAIN: u16 = 4;
const GETSET: u16 = 10;
const GETSETELEM: u16 = 13;
