//! What checks of web and gRPC servers need that takes time to make: expressions, and the means of TLS with their files.
//! Made once for a configuration, by the parent to say what is wrong, and by the checker process to work with.

use std::collections::BTreeMap;
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
    /// Makes all that the checks of a configuration need, and says what is wrong.
    pub(crate) fn of(model: &Model) -> (Self, Vec<Diagnostic>) {
        let mut maker = Maker::default();
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
    /// Once it was looked for.
    identity: Option<Option<Identity>>,
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
        let identity = self.identity(files);
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

    fn identity(&mut self, files: Option<&TlsFiles>) -> Option<Identity> {
        if self.identity.is_none() {
            let written = files.and_then(|it| it.identity.as_ref().map(|pair| (it, pair)));
            self.identity = Some(written.and_then(|(files, (certificate, key))| {
                let pass_phrase = files.pass_phrase.as_ref().map(Secret::reveal);
                let made = identity(certificate, key, pass_phrase);
                made.map_err(|found| self.found.push(found.at(files.at))).ok()
            }));
        }
        self.identity.clone().flatten()
    }
}

fn identity(
    certificate: &str,
    key: &str,
    pass_phrase: Option<&str>,
) -> Result<Identity, Box<Diagnostic>> {
    let unusable =
        |path: &str, why: String| Diagnostic::error(codes::NO_TLS, format!("SSL: `{path}`: {why}"));
    let chain = read(certificate).map_err(|why| unusable(certificate, why))?;
    let secret = read(key).map_err(|why| unusable(key, why))?;
    Identity::from_pem(&chain, &secret, pass_phrase).map_err(|error| {
        let why = error.to_string();
        Box::new(match error {
            TlsError::EncryptedKey => {
                unusable(key, why).help("write `password PASS_PHRASE` beside it")
            }
            TlsError::PassPhrase => unusable(key, why).help("correct `password`"),
            TlsError::Encryption(_) => unusable(key, why).help(format!(
                "encrypt it anew: `openssl pkcs8 -topk8 -v2 aes-256-cbc -in {key} -out NEW`"
            )),
            TlsError::Missing("private key") => unusable(key, why),
            TlsError::Missing(_) => unusable(certificate, why),
            TlsError::Name(_) | TlsError::Pem(_) | TlsError::Unusable(_) => {
                Diagnostic::error(codes::NO_TLS, format!("SSL: {why}"))
            }
        })
    })
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
