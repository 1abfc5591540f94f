//! What checks of web and gRPC servers need that takes time to make: expressions, and the means of TLS with their files.
//! Made once for a configuration, by the parent to say what is wrong, and by the checker process to work with.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Read as _;
use std::net::IpAddr;

use config::diagnostic::{Diagnostic, model as codes};
use config::model::{
    self, Check, CheckKind, GrpcHealth, Model, NamedBy, Page, Regex, Secret, TlsFiles,
};
use config::source::Span;
use probe::{
    Authorities, Expression, ExpressionError, ExpressionOptions, Identity, Tls, TlsError,
    TlsOptions, Trust,
};

use crate::compat::balance::check_word;

/// All that was made; what could not be says why.
#[derive(Debug, Default)]
pub(crate) struct Webs {
    expressions: BTreeMap<Regex, Result<Expression, String>>,
    means: BTreeMap<Demand, Result<Tls, String>>,
    /// `ca` of `SSL`.
    authorities: Option<String>,
    opened: Option<Opened>,
}

/// Who we are, and of what it was made: to open a key behind a pass phrase is work.
#[derive(Clone)]
struct Opened {
    certificates: Vec<u8>,
    key: Vec<u8>,
    pass_phrase: Option<Secret>,
    identity: Identity,
}

impl fmt::Debug for Opened {
    /// Without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.identity.fmt(f)
    }
}

/// What TLS is to be like. Checks that demand the same share it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Demand {
    /// The name that is told.
    name: Option<String>,
    /// Whose certificate it has to be, and the file of who vouches for it.
    holder: Option<(String, Option<String>)>,
    days_left: u32,
    is_strict: bool,
}

impl Webs {
    /// Makes all that the checks of a configuration need, and says what is wrong. Of those of the configuration before,
    /// the key stays open.
    pub(crate) fn of(model: &Model, former: Self) -> (Self, Vec<Diagnostic>) {
        let mut maker = Maker { former: former.opened, ..Maker::default() };
        maker.webs.authorities = model.tls.as_ref().and_then(|files| files.authorities.clone());
        let balanced = model.virtual_servers.iter().filter_map(|it| it.balance.as_ref());
        let checks = balanced.flat_map(|it| &it.servers).flat_map(|it| &it.checks);
        for check in checks {
            maker.make(check, model.tls.as_ref());
        }
        (maker.webs, maker.found)
    }

    /// **Errors**: it is none.
    pub(crate) fn expression(&self, regex: &Regex) -> Result<Expression, String> {
        self.expressions.get(regex).cloned().unwrap_or_else(|| Err("no expression".to_owned()))
    }

    /// **Errors**: it cannot be begun, for want of a file, say.
    pub(crate) fn tls(
        &self,
        said: &model::Tls,
        told: Told<'_>,
        server: IpAddr,
    ) -> Result<Tls, String> {
        let demand = self.demand(said, told, server);
        self.means.get(&demand).cloned().unwrap_or_else(|| Err("no TLS".to_owned()))
    }

    fn demand(&self, said: &model::Tls, told: Told<'_>, server: IpAddr) -> Demand {
        let holder = said.verifies.then(|| {
            let name = said.holder.as_ref().or(told.name);
            let file = said.authorities.as_ref().or(self.authorities.as_ref());
            (name.map_or_else(|| server.to_string(), Clone::clone), file.cloned())
        });
        Demand {
            name: told.name.cloned().filter(|_| said.tells_name),
            holder,
            days_left: said.days_left,
            is_strict: told.is_strict,
        }
    }
}

/// What one conversation says of TLS, beside what its check says.
#[derive(Clone, Copy)]
pub(crate) struct Told<'a> {
    /// The name of the server, and the keyword that says it.
    name: Option<&'a String>,
    named_by: NamedBy,
    is_strict: bool,
}

impl<'a> Told<'a> {
    pub(crate) const fn page(page: &'a Page) -> Self {
        let (name, named_by) = (page.server_name.as_ref(), page.server_named_by);
        Self { name, named_by, is_strict: page.is_strict }
    }

    /// The end of an answer is announced by its trailers.
    pub(crate) const fn grpc(asked: &'a GrpcHealth) -> Self {
        let (name, named_by) = (asked.server_name.as_ref(), asked.server_named_by);
        Self { name, named_by, is_strict: false }
    }
}

#[derive(Default)]
struct Maker {
    webs: Webs,
    /// What the configuration before had.
    former: Option<Opened>,
    /// Once it was looked for.
    identity: Option<Result<Option<Identity>, String>>,
    authorities: BTreeMap<Option<String>, Result<Authorities, String>>,
    found: Vec<Diagnostic>,
}

impl Maker {
    fn make(&mut self, check: &Check, files: Option<&TlsFiles>) {
        if let CheckKind::Grpc(way, asked) = &check.kind
            && let Some(said) = &asked.tls
        {
            self.tls(check, said, Told::grpc(asked), way.server.ip(), files);
        }
        let (CheckKind::Http(way, asked) | CheckKind::Https(way, asked)) = &check.kind else {
            return;
        };
        for (number, page) in asked.pages.iter().enumerate() {
            if let Some(regex) = &page.regex {
                let at = check.regexes.get(number).copied().flatten();
                self.expression(regex, at.unwrap_or(check.at));
            }
            if matches!(check.kind, CheckKind::Https(..)) {
                self.tls(check, &asked.tls, Told::page(page), way.server.ip(), files);
            }
        }
    }

    fn expression(&mut self, regex: &Regex, at: Span) {
        if self.webs.expressions.contains_key(regex) {
            return;
        }
        let made = Expression::new(&regex.text, self.options(regex, at));
        if let Err(error) = &made {
            self.found.push(bad(error, regex).at(at));
        }
        let made = made.map_err(|error| format!("`regex`: {error}"));
        self.webs.expressions.insert(regex.clone(), made);
    }

    fn options(&mut self, regex: &Regex, at: Span) -> ExpressionOptions {
        let (kept, left_out): (Vec<&String>, Vec<&String>) =
            regex.options.iter().partition(|word| ExpressionOptions::executes(word));
        for word in left_out {
            let text = format!("`regex_options {word}` is not executed: `regex` counts without it");
            self.found.push(Diagnostic::warning(codes::REGEX_OPTION, text).at(at));
        }
        let (first_line, words): (Vec<&String>, Vec<&String>) =
            kept.into_iter().partition(|word| *word == "firstline");
        ExpressionOptions {
            must_not_match: regex.must_not_match,
            from: regex.from,
            to: regex.to,
            first_line: !first_line.is_empty(),
            words: words.into_iter().cloned().collect(),
        }
    }

    fn tls(
        &mut self,
        check: &Check,
        said: &model::Tls,
        told: Told<'_>,
        server: IpAddr,
        files: Option<&TlsFiles>,
    ) {
        let demand = self.webs.demand(said, told, server);
        if self.webs.means.contains_key(&demand) {
            return;
        }
        let identity = match self.identity(files) {
            Ok(identity) => identity,
            // It is told once. To ask as nobody would be to ask another question.
            Err(why) => {
                self.webs.means.insert(demand, Err(why));
                return;
            }
        };
        let made = self.trust(&demand).and_then(|trust| {
            let options = TlsOptions {
                name: demand.name.clone(),
                trust,
                days_left: demand.days_left,
                identity,
                is_strict: demand.is_strict,
            };
            Tls::new(&options).map_err(|error| {
                if let TlsError::Name(name) = &error {
                    let is_told = told.name == Some(name);
                    let keyword = if is_told { told.named_by.0 } else { "tls_name" };
                    format!("`{keyword} {name}` is no host name")
                } else {
                    error.to_string()
                }
            })
        });
        if let Err(why) = &made {
            let text = format!("{} cannot be made: {why}", check_word(&check.kind));
            self.found.push(Diagnostic::error(codes::NO_TLS, text).at(check.at));
        }
        self.webs.means.insert(demand, made);
    }

    fn trust(&mut self, demand: &Demand) -> Result<Trust, String> {
        let Some((holder, file)) = &demand.holder else { return Ok(Trust::Anybody) };
        let known = self.authorities.entry(file.clone()).or_insert_with(|| match file {
            Some(path) => read(path)
                .and_then(|text| Authorities::from_pem(&text).map_err(|it| it.to_string()))
                .map_err(|why| format!("`{path}`: {why}")),
            None => Authorities::of_this_host()
                .map_err(|error| format!("what this host trusts: {error}")),
        });
        Ok(Trust::In(known.clone()?, holder.clone()))
    }

    /// **Errors**: it cannot be had, and why.
    fn identity(&mut self, files: Option<&TlsFiles>) -> Result<Option<Identity>, String> {
        if let Some(known) = &self.identity {
            return known.clone();
        }
        let made = files.and_then(|files| Some((files, opened(files, self.former.take())?)));
        let identity = match made {
            None => Ok(None),
            Some((_, Ok(opened))) => {
                let identity = opened.identity.clone();
                self.webs.opened = Some(opened);
                Ok(Some(identity))
            }
            Some((files, Err(found))) => {
                let why = found.message.clone();
                self.found.push(found.at(files.at));
                Err(why)
            }
        };
        self.identity.insert(identity).clone()
    }
}

/// The certificate and key of `SSL`, where it has them. What was opened before is taken where it is of the same.
fn opened(files: &TlsFiles, former: Option<Opened>) -> Option<Result<Opened, Box<Diagnostic>>> {
    let (certificate, key) = files.identity.as_ref()?;
    let read_both = || {
        let certificates = read(certificate).map_err(|why| unusable(certificate, why))?;
        Ok((certificates, read(key).map_err(|why| unusable(key, why))?))
    };
    let (certificates, secret) = match read_both() {
        Ok(both) => both,
        Err(found) => return Some(Err(found)),
    };
    let pass_phrase = files.pass_phrase.clone();
    let is_same = |it: &Opened| {
        it.certificates == certificates && it.key == secret && it.pass_phrase == pass_phrase
    };
    if let Some(former) = former.filter(is_same) {
        return Some(Ok(former));
    }
    let phrase = pass_phrase.as_ref().map(Secret::reveal);
    Some(match Identity::from_pem(&certificates, &secret, phrase) {
        Ok(identity) => Ok(Opened { certificates, key: secret, pass_phrase, identity }),
        Err(error) => Err(refused(&error, certificate, key)),
    })
}

fn unusable(path: &str, why: impl fmt::Display) -> Box<Diagnostic> {
    Box::new(Diagnostic::error(codes::NO_TLS, format!("SSL: `{path}`: {why}")))
}

fn refused(error: &TlsError, certificate: &str, key: &str) -> Box<Diagnostic> {
    let helped = |help: &str| Box::new(unusable(key, error).help(help));
    match error {
        TlsError::EncryptedKey => helped("write `password PASS_PHRASE` beside it"),
        TlsError::PassPhrase => helped("correct `password`"),
        TlsError::Encryption(_) => helped(&format!(
            "encrypt it anew: `openssl pkcs8 -topk8 -v2 aes-256-cbc -v2prf hmacWithSHA256 -in {key} -out NEW`"
        )),
        TlsError::Missing("private key") => unusable(key, error),
        TlsError::Missing(_) => unusable(certificate, error),
        TlsError::Name(_) | TlsError::Pem(_) | TlsError::Unusable(_) => {
            Box::new(Diagnostic::error(codes::NO_TLS, format!("SSL: {error}")))
        }
    }
}

fn bad(error: &ExpressionError, regex: &Regex) -> Diagnostic {
    match error {
        ExpressionError::Syntax { at, why } => {
            let text = format!("`regex` is not a regular expression: {why}");
            let before = regex.text.get(..*at).unwrap_or(&regex.text);
            Diagnostic::error(codes::BAD_REGEX, text)
                .help(format!("it shows behind `{before}`; `man pcre2pattern` has the syntax"))
        }
        ExpressionError::Verb(word) => {
            Diagnostic::error(codes::BAD_REGEX, format!("`regex`: {error}")).help(format!(
                "leave `(*{word})` out, or write `(*PRUNE)`, which ends the search at one place of the answer only"
            ))
        }
        ExpressionError::Option(_) => {
            Diagnostic::error(codes::BAD_REGEX, format!("`regex`: {error}"))
        }
    }
}

/// What is in a file, which may be a link, and is not endless.
fn read(path: &str) -> Result<Vec<u8>, String> {
    let said = |error: std::io::Error| error.to_string();
    // Opening a FIFO or a device could block or act: look before.
    if !std::fs::metadata(path).map_err(said)?.is_file() {
        return Err("not a regular file".to_owned());
    }
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(said)?;
    file.take(LONGEST + 1).read_to_end(&mut bytes).map_err(said)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length <= LONGEST) {
        Ok(bytes)
    } else {
        Err(format!("longer than {} MiB", LONGEST >> 20))
    }
}

/// More than the certificates of all authorities of the world.
const LONGEST: u64 = 4 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    const FILES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../probe/tests/certificates");

    /// A page over TLS, asked with a key behind this pass phrase.
    fn asking(key: &str, pass_phrase: &str) -> Model {
        let text = format!(
            "SSL {{\n certificate {FILES}/client.pem\n key {key}\n password \"{pass_phrase}\"\n}}\n\
             virtual_server 192.0.2.1 443 {{\n protocol TCP\n real_server 192.0.2.11 443 {{\n \
             SSL_GET {{\n url {{\n path /\n }}\n }}\n }}\n}}\n"
        );
        let sources = config::source::SourceSet::single("x.conf", text);
        let host = config::syntax::Environment::of_host("host");
        config::check(&sources, &host).model
    }

    /// The TLS of that page.
    fn tls(webs: &Webs, model: &Model) -> Result<Tls, String> {
        let balance = model.virtual_servers.first().and_then(|it| it.balance.as_ref());
        let check = balance.and_then(|it| it.servers.first()).and_then(|it| it.checks.first());
        let Some(CheckKind::Https(way, asked)) = check.map(|it| &it.kind) else {
            return Err("another check".to_owned());
        };
        webs.tls(&asked.tls, Told::page(&asked.pages[0]), way.server.ip())
    }

    #[test]
    fn nobody_is_asked_as_somebody_else() {
        let missing = asking("/nowhere/a.key", "x");
        let (webs, found) = Webs::of(&missing, Webs::default());
        let why = tls(&webs, &missing).unwrap_err();
        assert!(why.starts_with("SSL: `/nowhere/a.key`: "), "{why}");
        assert_eq!(found.iter().map(|it| &it.message).collect::<Vec<_>>(), [&why]);
        let good = asking(&format!("{FILES}/encrypted.key"), "open sesame");
        assert!(tls(&Webs::of(&good, Webs::default()).0, &good).is_ok());
    }

    #[test]
    fn a_key_stays_open_while_its_files_and_pass_phrase_stay() {
        let key = format!("{FILES}/encrypted.key");
        let good = asking(&key, "open sesame");
        let other = asking(&key, "open barley");
        let opened = || Webs::of(&good, Webs::default()).0;
        assert!(tls(&Webs::of(&other, opened()).0, &other).is_err());
        // Shown by one that could not be opened: that of the other pass phrase.
        let mut former = opened();
        former.opened.as_mut().unwrap().pass_phrase = Some(Secret::new("open barley".to_owned()));
        let (again, found) = Webs::of(&other, former);
        assert!(tls(&again, &other).is_ok());
        assert!(found.is_empty(), "{found:?}");
        // And it stays so behind the next.
        assert!(tls(&Webs::of(&other, again).0, &other).is_ok());
    }
}
