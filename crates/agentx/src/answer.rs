//! Requests of the master, answered from a view.

use crate::pdu::{Asked, Body, Response};
use crate::{Oid, Value, VarBind, View};

/// What is answered to a request; nothing where none is wanted, or where it is no request.
pub(crate) fn answer(body: &Body, view: &dyn View) -> Option<Response> {
    let of = |binds| Some(Response { binds, ..Response::default() });
    match body {
        Body::Get(asked) => of(asked.iter().map(|asked| value(view, asked)).collect()),
        Body::GetNext(asked) => of(asked.iter().map(|asked| next(view, asked)).collect()),
        Body::GetBulk { single, repetitions, asked } => {
            of(bulk(view, (*single).into(), *repetitions, asked))
        }
        // Nothing can be set: what is configured stands in the configuration.
        Body::TestSet(_) => Some(Response { error: NOT_WRITABLE, index: 1, ..Response::default() }),
        Body::CommitSet => Some(Response { error: COMMIT_FAILED, ..Response::default() }),
        Body::UndoSet => Some(Response { error: UNDO_FAILED, ..Response::default() }),
        Body::Open { .. }
        | Body::Close(_)
        | Body::Register { .. }
        | Body::CleanupSet
        | Body::Notify(_)
        | Body::Ping
        | Body::AddCapabilities { .. }
        | Body::Response(_) => None,
    }
}

/// What is answered when there is none.
pub(crate) fn failure() -> Response {
    Response { error: GENERIC_ERROR, index: 1, ..Response::default() }
}

fn value(view: &dyn View, asked: &Asked) -> VarBind {
    VarBind { name: asked.start.clone(), value: view.value(&asked.start) }
}

fn next(view: &dyn View, asked: &Asked) -> VarBind {
    view.next(&asked.start, asked.include, &asked.end).unwrap_or_else(|| end(&asked.start))
}

/// RFC 2741 §7.2.3.3: row after row, until all are at the end; as many rows as fit.
fn bulk(view: &dyn View, single: usize, repetitions: u16, asked: &[Asked]) -> Vec<VarBind> {
    let (single, repeated) = asked.split_at(single.min(asked.len()));
    let mut binds: Vec<VarBind> = single.iter().map(|asked| next(view, asked)).collect();
    let mut repeated = repeated.to_vec();
    let mut size = 0;
    for _ in 0..repetitions {
        let mut is_over = true;
        for asked in &mut repeated {
            let found = next(view, asked);
            is_over &= found.value == Value::EndOfView;
            asked.start.clone_from(&found.name);
            asked.include = false;
            size += weight(&found);
            binds.push(found);
        }
        if is_over || size > BULK {
            break;
        }
    }
    binds
}

fn end(start: &Oid) -> VarBind {
    VarBind { name: start.clone(), value: Value::EndOfView }
}

/// About how many bytes it becomes.
fn weight(bind: &VarBind) -> usize {
    let value = match &bind.value {
        Value::Octets(octets) | Value::Opaque(octets) => octets.len(),
        Value::Integer(_)
        | Value::Null
        | Value::Name(_)
        | Value::IpAddress(_)
        | Value::Counter32(_)
        | Value::Gauge32(_)
        | Value::TimeTicks(_)
        | Value::Counter64(_)
        | Value::NoSuchObject
        | Value::NoSuchInstance
        | Value::EndOfView => 0,
    };
    8 + 4 * bind.name.parts().len() + value
}

/// Bytes from which on an answer gets no further row: SNMP has 64 KiB of room.
const BULK: usize = 48 * 1024;
/// `genErr`, `commitFailed`, `undoFailed`, `notWritable` (RFC 2741 §6.2.16).
const GENERIC_ERROR: u16 = 5;
const COMMIT_FAILED: u16 = 14;
const UNDO_FAILED: u16 = 15;
const NOT_WRITABLE: u16 = 17;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Tree;

    fn tree() -> Tree {
        let bind = |column, row| VarBind {
            name: Oid::new(&[1, column, row]),
            value: Value::Integer(i32::try_from(column * 10 + row).unwrap()),
        };
        [bind(1, 1), bind(1, 2), bind(2, 1), bind(2, 2)].into_iter().collect()
    }

    fn from(start: &[u32]) -> Asked {
        Asked { start: Oid::new(start), ..Asked::default() }
    }

    fn told(body: &Body) -> Vec<String> {
        let response = answer(body, &tree()).expect("an answer");
        assert_eq!((response.error, response.index), (0, 0));
        response.binds.iter().map(|bind| format!("{} {:?}", bind.name, bind.value)).collect()
    }

    #[test]
    fn each_name_has_its_answer() {
        let body = Body::Get(vec![from(&[1, 1, 2]), from(&[1, 1, 3]), from(&[3, 1])]);
        let expected =
            [".1.1.2 Integer(12)", ".1.1.3 NoSuchInstance", ".3.1 NoSuchObject"].map(str::to_owned);
        assert_eq!(told(&body), expected);
        let body = Body::GetNext(vec![from(&[1, 1, 2]), from(&[1, 2, 2])]);
        assert_eq!(told(&body), [".1.2.1 Integer(21)", ".1.2.2 EndOfView"].map(str::to_owned));
    }

    #[test]
    fn many_are_told_row_by_row_until_all_are_at_the_end() {
        let asked = vec![from(&[1, 2, 1]), from(&[1, 1]), from(&[1, 2])];
        let body = Body::GetBulk { single: 1, repetitions: 100, asked };
        let expected = [
            ".1.2.2 Integer(22)",
            ".1.1.1 Integer(11)",
            ".1.2.1 Integer(21)",
            ".1.1.2 Integer(12)",
            ".1.2.2 Integer(22)",
            ".1.2.1 Integer(21)",
            ".1.2.2 EndOfView",
            ".1.2.2 Integer(22)",
            ".1.2.2 EndOfView",
            ".1.2.2 EndOfView",
            ".1.2.2 EndOfView",
        ];
        assert_eq!(told(&body), expected.map(str::to_owned));
    }

    #[test]
    fn an_answer_has_an_end_however_much_is_asked() {
        let text = Value::Octets(vec![b'x'; 1000]);
        let bind = |row| VarBind { name: Oid::new(&[1, row]), value: text.clone() };
        let tree: Tree = (0..1000).map(bind).collect();
        let body = Body::GetBulk { single: 0, repetitions: u16::MAX, asked: vec![from(&[1])] };
        let count = answer(&body, &tree).expect("an answer").binds.len();
        assert!((40..60).contains(&count), "{count}");
    }

    #[test]
    fn nothing_can_be_set() {
        let error = |body| answer(&body, &tree()).map(|it| (it.error, it.index));
        assert_eq!(error(Body::TestSet(Vec::new())), Some((17, 1)));
        assert_eq!(error(Body::CommitSet), Some((14, 0)));
        assert_eq!(error(Body::UndoSet), Some((15, 0)));
        assert_eq!(error(Body::CleanupSet), None);
    }
}
