//! `~SEQ`, `~SEQx` and `~LST`: one line for each value of a variable.

use crate::diagnostic::{Diagnostic, language};
use crate::lexer::{Glyph, span, text, trim};
use crate::source::Span;

use super::parameter::Substituted;
use super::{DEPTH, Definition, Expander, Pending, Task};

/// A sequence that goes on.
pub(crate) struct Repeat {
    names: Vec<String>,
    values: Values,
    next: usize,
    text: Pending,
    /// The head of the sequence.
    at: Span,
}

/// The values of a sequence.
enum Values {
    Numbers { start: i64, step: i64, count: usize, hexadecimal: bool },
    Rows(Vec<Vec<String>>),
}

impl Values {
    /// The values of one turn; none behind the last.
    fn row(&self, turn: usize) -> Option<Vec<String>> {
        match self {
            Self::Numbers { start, step, count, hexadecimal } => {
                let turns = i64::try_from(turn).ok().filter(|_| turn < *count)?;
                let value = start.checked_add(step.checked_mul(turns)?)?;
                Some(vec![if *hexadecimal { format!("{value:x}") } else { value.to_string() }])
            }
            Self::Rows(rows) => rows.get(turn).cloned(),
        }
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Decimal,
    Hexadecimal,
    List,
}

/// The parts of a line `~KIND(head) text`.
struct Parts<'a> {
    kind: Kind,
    /// Between the parentheses.
    head: &'a [Glyph],
    /// Index of the first character behind them.
    text: usize,
}

impl Expander<'_> {
    /// Begins the sequence that a line is.
    pub(super) fn sequence(&mut self, line: &Pending) {
        let whole = line.text();
        let parts = match parts(whole) {
            Ok(parts) => parts,
            Err(why) => return self.malformed(why, span(trim(whole))),
        };
        let at = span(whole.get(..parts.text).unwrap_or_default()).unwrap_or_default();
        if whole.get(parts.text..).map(trim).unwrap_or_default().is_empty() {
            return self.malformed("nothing follows it", Some(at));
        }
        let Some(head) = self.expand_head(parts.head) else { return };
        let read = match parts.kind {
            Kind::Decimal => numbers(&head, false),
            Kind::Hexadecimal => numbers(&head, true),
            Kind::List => rows(&head),
        };
        let (names, values) = match read {
            Ok(read) => read,
            Err(why) => return self.malformed(why, Some(at)),
        };
        let text = line.after(line.from + parts.text);
        self.turn(Repeat { names, values, next: 0, text, at });
    }

    /// Sets the variables for the next turn; behind the last they keep their values.
    pub(super) fn turn(&mut self, mut repeat: Repeat) {
        let Some(row) = repeat.values.row(repeat.next) else { return };
        for (name, value) in repeat.names.iter().zip(row) {
            self.definitions.insert(name.clone(), Definition { lines: vec![(value, repeat.at)] });
        }
        repeat.next += 1;
        let line = self.begin_line();
        let (from, depth) = (repeat.text.from, repeat.text.depth);
        // Every turn counts its text against the limits, although it shares the characters.
        if !self.spend(repeat.text.text()) {
            return;
        }
        let glyphs = std::rc::Rc::clone(&repeat.text.glyphs);
        self.tasks.push(Task::Repeat(repeat));
        self.push_line(glyphs, from, line, depth);
    }

    /// The head with its parameters replaced; none where it cannot be, which is told.
    fn expand_head(&mut self, head: &[Glyph]) -> Option<String> {
        let mut head = head.to_vec();
        for depth in 0..=DEPTH {
            match self.substitute(&head, depth) {
                Substituted::Nothing => return Some(text(&head)),
                Substituted::Dropped => return None,
                Substituted::Lines { lines, .. } => head = lines.into_iter().flatten().collect(),
            }
        }
        None
    }

    fn malformed(&mut self, why: &str, at: Option<Span>) {
        let message = format!("the sequence cannot be read and its line is ignored: {why}");
        let mut finding = Diagnostic::warning(language::SEQUENCE_MALFORMED, message);
        finding.primary = at;
        self.findings.push(finding.help(
            "write `~SEQ(NAME, [START, [STEP,]] END) TEXT`, `~SEQx(...) TEXT`, \
             `~LST(NAME, VALUE, ...) TEXT` or `~LST({NAME, ...}, {VALUE, ...}, ...) TEXT`",
        ));
    }
}

fn parts(line: &[Glyph]) -> Result<Parts<'_>, &'static str> {
    let word = line.iter().skip(1).take_while(|glyph| glyph.c.is_ascii_alphanumeric()).count();
    let kind = match text(line.get(1..=word).unwrap_or_default()).as_str() {
        "SEQ" => Kind::Decimal,
        "SEQx" => Kind::Hexadecimal,
        "LST" => Kind::List,
        _ => return Err("it is none of `~SEQ`, `~SEQx` and `~LST`"),
    };
    let after = line.get(word + 1..).unwrap_or_default();
    let blanks = after.iter().take_while(|glyph| glyph.is_blank()).count();
    if after.get(blanks).is_none_or(|glyph| glyph.c != '(') {
        return Err("`(` is missing");
    }
    let begin = word + 1 + blanks + 1;
    let inside = line.get(begin..).unwrap_or_default();
    let mut quoted = false;
    let close = inside.iter().position(|glyph| {
        quoted ^= glyph.c == '"';
        glyph.c == ')' && !quoted
    });
    let close = close.ok_or("`)` is missing")?;
    let head = inside.get(..close).unwrap_or_default();
    Ok(Parts { kind, head, text: begin + close + 1 })
}

fn numbers(head: &str, hexadecimal: bool) -> Result<(Vec<String>, Values), &'static str> {
    let words = commas(head);
    let Some((name, numbers)) = words.split_first() else { return Err("its variable is missing") };
    let numbers: Option<Vec<i64>> = numbers.iter().map(|word| number(word)).collect();
    let numbers = numbers.ok_or("a number is invalid")?;
    let toward = |start: i64, end: i64| if end < start { -1 } else { 1 };
    let (start, step, end) = match *numbers.as_slice() {
        [end] if end < 0 => (-1, -1, end),
        [end] => (1, toward(1, end), end),
        [start, end] => (start, toward(start, end), end),
        [start, step, end] => (start, step, end),
        _ => return Err("it has one to three numbers"),
    };
    if step == 0 {
        return Err("its step is 0");
    }
    if (end > start && step < 0) || (end < start && step > 0) {
        return Err("its step leads away from its end");
    }
    if hexadecimal && (start < 0 || end < 0) {
        return Err("a hexadecimal number cannot be negative");
    }
    let width = i128::from(end) - i128::from(start);
    let count = usize::try_from(width / i128::from(step) + 1).unwrap_or(usize::MAX);
    Ok((vec![valid_name(name)?], Values::Numbers { start, step, count, hexadecimal }))
}

fn rows(head: &str) -> Result<(Vec<String>, Values), &'static str> {
    let words = commas(head);
    let Some((names, values)) = words.split_first() else { return Err("its variable is missing") };
    if values.iter().any(|value| !group(value).unwrap_or(vec![value]).into_iter().all(is_one_word))
    {
        return Err("its values are separated by blanks, not by commas");
    }
    let Some(names) = group(names) else {
        let rows = values.iter().map(|value| vec![(*value).to_owned()]).collect();
        return Ok((vec![valid_name(names)?], Values::Rows(rows)));
    };
    let names: Vec<String> = names.into_iter().map(valid_name).collect::<Result<_, _>>()?;
    let mut rows = Vec::new();
    for value in values {
        let mut row: Vec<String> =
            group(value).unwrap_or_else(|| vec![value]).into_iter().map(str::to_owned).collect();
        if row.len() > names.len() {
            return Err("a group has more values than there are variables");
        }
        row.resize(names.len(), String::new());
        rows.push(row);
    }
    Ok((names, Values::Rows(rows)))
}

/// The words of `{a, b}`; none for a word without braces.
fn group(word: &str) -> Option<Vec<&str>> {
    Some(commas(word.strip_prefix('{')?.strip_suffix('}')?))
}

fn is_one_word(value: &str) -> bool {
    value.starts_with('"') || !value.contains(crate::lexer::is_blank)
}

fn valid_name(name: &str) -> Result<String, &'static str> {
    let mut characters = name.chars();
    let first = characters.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    if first && characters.all(|c| c.is_ascii_alphanumeric() || c == '_') {
        Ok(name.to_owned())
    } else {
        Err("the name of a variable is invalid")
    }
}

/// Splits at commas outside quotes and braces, blanks at both ends of each part removed.
fn commas(text: &str) -> Vec<&str> {
    let mut quoted = false;
    let mut depth = 0_usize;
    let parts = text.split(|c| {
        match c {
            '"' => quoted = !quoted,
            '{' if !quoted => depth += 1,
            '}' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
        c == ',' && !quoted && depth == 0
    });
    parts.map(str::trim).collect()
}

/// A number with a sign and a C prefix: `0x` hexadecimal, `0` octal.
fn number(word: &str) -> Option<i64> {
    let (sign, digits) = match word.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", word.strip_prefix('+').unwrap_or(word)),
    };
    let plain = digits.chars().all(|c| c.is_ascii_alphanumeric());
    if !plain || !digits.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let (digits, radix) = match digits.strip_prefix("0x").or(digits.strip_prefix("0X")) {
        Some(digits) => (digits, 16),
        None if digits.len() > 1 && digits.starts_with('0') => (digits, 8),
        None => (digits, 10),
    };
    i64::from_str_radix(&format!("{sign}{digits}"), radix).ok()
}
