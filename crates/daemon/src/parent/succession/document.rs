//! What one program leaves to the next, as bytes that both understand though their versions differ.
//!
//! **Shape**: four bytes of length (little endian), a JSON object, the sources of the configuration in force. A program
//! ignores members that it does not know, does without those that are missing, and drops items of lists that it does not
//! understand. [`FORMAT`] is raised only where an older program would misunderstand what it reads: it then refuses at
//! the rehearsal, and the program that runs stays.

use std::collections::BTreeMap;

use control::{
    Finding, Numbers, Ordered, Role, ScriptMemory, SessionMemory, Subject, Watched, What,
};
use serde::de::{DeserializeOwned, Deserializer};
use serde::{Deserialize, Serialize};
use status::{Counters, Event, Reload, Seconds};

/// What is left, beside the sources.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Document {
    pub(super) format: u32,
    /// Version of the program that wrote this.
    pub(super) version: String,
    /// When the daemon started.
    pub(super) since: Seconds,
    /// Where the configuration in force was read, and with what.
    pub(super) configuration: String,
    pub(super) seed: u64,
    pub(super) name_files: Vec<(String, String)>,
    #[serde(deserialize_with = "what_is_known")]
    pub(super) children: Vec<LeftChild>,
    /// What was told last of each instance and group.
    #[serde(deserialize_with = "what_is_known")]
    pub(super) roles: Vec<(Subject, What)>,
    pub(super) counters: BTreeMap<String, Counters>,
    #[serde(deserialize_with = "what_is_known")]
    pub(super) findings: Vec<(Watched, Finding)>,
    #[serde(deserialize_with = "named_what_is_known")]
    pub(super) sessions: BTreeMap<String, SessionMemory>,
    #[serde(deserialize_with = "named_what_is_known")]
    pub(super) numbers: BTreeMap<String, Numbers>,
    /// What was ordered of real servers.
    #[serde(deserialize_with = "what_is_known")]
    pub(super) orders: Vec<(String, Ordered)>,
    pub(super) scripts: BTreeMap<String, LeftScript>,
    #[serde(deserialize_with = "what_is_known")]
    pub(super) programs: Vec<LeftProgram>,
    #[serde(deserialize_with = "what_is_known")]
    pub(super) queue: Vec<(Subject, Vec<Waiting>)>,
    #[serde(deserialize_with = "what_is_known")]
    pub(super) pipes: Vec<LeftPipe>,
    #[serde(deserialize_with = "what_is_known")]
    pub(super) letters: Vec<LeftLetter>,
    #[serde(deserialize_with = "what_is_known")]
    pub(super) mailed: Vec<(Subject, What)>,
    #[serde(deserialize_with = "what_is_known")]
    pub(super) events: Vec<Event>,
    pub(super) reload: Option<Reload>,
    /// Copies of the configuration that were kept.
    pub(super) saved: u64,
    /// Whether the kernel's reports of local groups were switched off, and are to be switched on again.
    pub(super) is_silenced: bool,
    /// Descriptors: the network namespace of the checker process, where it is another one; the control socket; the
    /// connection of who asked for the upgrade.
    pub(super) checker_place: Option<i32>,
    pub(super) listener: Option<i32>,
    pub(super) asker: Option<i32>,
}

/// A child that the program before has ended, for its successor to go on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::parent) struct LeftChild {
    pub(in crate::parent) role: Role,
    /// How often it was started, and how often of these only for an upgrade.
    pub(in crate::parent) generation: u32,
    #[serde(default)]
    pub(in crate::parent) replaced: u32,
    /// Until when it worked, in nanoseconds of the monotonic clock.
    pub(in crate::parent) alive_until: u64,
}

/// A tracked script.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(in crate::parent) struct LeftScript {
    pub(in crate::parent) memory: ScriptMemory,
    /// How its last run ended: exit code, or signal below zero.
    pub(in crate::parent) last: Option<i32>,
}

/// A program that runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::parent) struct LeftProgram {
    pub(in crate::parent) pid: u32,
    /// What it runs for; a later program may know more reasons.
    pub(in crate::parent) purpose: serde_json::Value,
    /// When it is to end, in nanoseconds of the monotonic clock.
    #[serde(default)]
    pub(in crate::parent) until: Option<u64>,
}

/// A program that waits for the one before it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::parent) struct Waiting {
    pub(in crate::parent) path: String,
    pub(in crate::parent) arguments: Vec<String>,
    /// User and group.
    pub(in crate::parent) identity: Option<(u32, u32)>,
    /// Supplementary groups.
    #[serde(default)]
    pub(in crate::parent) groups: Vec<u32>,
}

/// A pipe that is told of changes, with what its reader has not read yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::parent) struct LeftPipe {
    pub(in crate::parent) path: String,
    pub(in crate::parent) descriptor: i32,
    pub(in crate::parent) is_ours: bool,
    #[serde(default)]
    pub(in crate::parent) lost: u64,
}

/// An e-mail that was not sent yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::parent) struct LeftLetter {
    /// Since when it waits, in nanoseconds of the monotonic clock.
    pub(in crate::parent) since: u64,
    pub(in crate::parent) date: String,
    pub(in crate::parent) subject: String,
    pub(in crate::parent) text: String,
    /// Those who do not have it yet, where others have.
    #[serde(default)]
    pub(in crate::parent) left: Option<Vec<String>>,
}

impl Document {
    /// As bytes, with the sources behind it.
    ///
    /// **Errors**: in a phrase.
    pub(super) fn emit(&self, sources: &[u8]) -> Result<Vec<u8>, String> {
        let json = serde_json::to_vec(self).map_err(|error| error.to_string())?;
        let length = u32::try_from(json.len()).map_err(|_| "it is too long".to_owned())?;
        let mut bytes = length.to_le_bytes().to_vec();
        bytes.extend_from_slice(&json);
        bytes.extend_from_slice(sources);
        Ok(bytes)
    }

    /// The document of these bytes, and the sources behind it.
    ///
    /// **Errors**: in a phrase; it is of a later format, or damaged.
    pub(super) fn parse(bytes: &[u8]) -> Result<(Self, Vec<u8>), String> {
        /// Enough of any format to know which it is.
        #[derive(Deserialize)]
        struct Any {
            format: u32,
        }
        let short = || "it ends early".to_owned();
        let (length, rest) = bytes.split_first_chunk::<4>().ok_or_else(short)?;
        let length = usize::try_from(u32::from_le_bytes(*length)).map_err(|_| short())?;
        let (json, sources) = rest.split_at_checked(length).ok_or_else(short)?;
        let any: Any = serde_json::from_slice(json).map_err(|error| error.to_string())?;
        if any.format > FORMAT {
            return Err(format!("it has format {}, and this program knows {FORMAT}", any.format));
        }
        let document = serde_json::from_slice(json).map_err(|error| error.to_string())?;
        Ok((document, sources.to_vec()))
    }
}

/// The items of a list that this program understands.
fn what_is_known<'de, D, T>(from: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned,
{
    let items = Vec::<serde_json::Value>::deserialize(from)?;
    Ok(items.into_iter().filter_map(|item| serde_json::from_value(item).ok()).collect())
}

/// The same of things that have names.
fn named_what_is_known<'de, D, T>(from: D) -> Result<BTreeMap<String, T>, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned,
{
    let items = BTreeMap::<String, serde_json::Value>::deserialize(from)?;
    let known = |(name, item)| Some((name, serde_json::from_value(item).ok()?));
    Ok(items.into_iter().filter_map(known).collect())
}

/// The format of this program.
pub(super) const FORMAT: u32 = 1;

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a panic fails the test, as it should")]
mod tests {
    use super::*;

    fn bytes(json: &str, sources: &[u8]) -> Vec<u8> {
        let length = u32::try_from(json.len()).unwrap().to_le_bytes();
        [&length, json.as_bytes(), sources].concat()
    }

    #[test]
    fn all_that_can_be_known_comes_back() {
        let instance = Subject::Instance("VI_1".to_owned());
        let document = Document {
            format: FORMAT,
            version: "0.3.0".to_owned(),
            findings: vec![
                (Watched::Script("s".to_owned()), Finding::Good),
                (Watched::File("f".to_owned()), Finding::Value(-7)),
            ],
            queue: vec![(
                instance.clone(),
                vec![Waiting {
                    path: "/bin/true".to_owned(),
                    arguments: vec!["a".to_owned()],
                    identity: Some((1, 2)),
                    groups: vec![3],
                }],
            )],
            mailed: vec![(instance, What::Active)],
            saved: 2,
            is_silenced: true,
            scripts: [("s".to_owned(), LeftScript { last: Some(-9), ..LeftScript::default() })]
                .into(),
            ..Document::default()
        };
        let bytes = document.emit(b"sources").unwrap();
        assert_eq!(Document::parse(&bytes).unwrap(), (document, b"sources".to_vec()));
    }

    #[test]
    fn what_an_older_program_did_not_say_is_done_without() {
        let (document, sources) =
            Document::parse(&bytes(r#"{"format":1,"counters":{"A":{"became_active":3}}}"#, b"x"))
                .unwrap();
        assert_eq!(sources, b"x");
        let counted = Counters { became_active: 3, ..Counters::default() };
        let counters = [("A".to_owned(), counted)].into();
        assert_eq!(document, Document { format: 1, counters, ..Document::default() });
    }

    #[test]
    fn what_only_a_newer_program_understands_is_ignored() {
        let json = r#"{
            "format": 1, "version": "9.0", "mood": {"good": [1, 2]},
            "findings": [[{"Script":"a"},"Good"], [{"Moon":"full"},"Good"], [{"File":"b"},{"Value":3}]],
            "children": [
                {"role":"Dns","generation":1,"alive_until":5},
                {"role":"Vrrp","generation":2,"alive_until":5,"shoes":"red"}
            ],
            "sessions": {"B": {"mine": "a word now"}},
            "events": [{"at":1.5,"what":{"eclipse":{}}}]
        }"#;
        let (document, _) = Document::parse(&bytes(json, b"")).unwrap();
        let findings = vec![
            (Watched::Script("a".to_owned()), Finding::Good),
            (Watched::File("b".to_owned()), Finding::Value(3)),
        ];
        assert_eq!(document.findings, findings);
        let child = LeftChild { role: Role::Vrrp, generation: 2, replaced: 0, alive_until: 5 };
        assert_eq!(document.children, [child]);
        assert!(document.events.is_empty() && document.sessions.is_empty());
    }

    #[test]
    fn a_later_format_and_damaged_bytes_are_refused_in_words() {
        let later = Document::parse(&bytes(r#"{"format":2}"#, b""));
        assert_eq!(later.unwrap_err(), "it has format 2, and this program knows 1");
        assert_eq!(Document::parse(&[9, 0, 0, 0, b'{']).unwrap_err(), "it ends early");
        assert!(Document::parse(&bytes("{}", b"")).unwrap_err().contains("format"));
        assert!(Document::parse(&bytes(r#"{"format":1,"seed":"x"}"#, b"")).is_err());
    }

    #[test]
    fn no_bytes_make_it_panic() {
        bolero::check!().for_each(|bytes: &[u8]| {
            let _ = Document::parse(bytes);
        });
    }
}
