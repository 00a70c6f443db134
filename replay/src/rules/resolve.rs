//! From a file of rules as it is spelled to what it means, or to its first mistake.
//!
//! It does not know what a rule does to a session.

use std::ops::Range;
use std::str::FromStr;

use regex::bytes::{Regex, RegexBuilder};
use toml::Spanned;
use wire::chat::{Number, Secret};

use super::error::{Mistake, line_of, suggest};
use super::raw::{
    RawChat, RawHttp, RawLearn, RawProvision, RawReplace, RawRewrite, RawRule, RawRules, RawTarget, RawUnit,
};
use super::template::is_name;
use super::{
    ChatRules, Host, HttpRules, Identity, Learn, Length, Place, Provision, RULES_MAX, Replace, Rewrite, Rule,
    Rules, STRIDE_DEFAULT, Target, Template, Unit,
};
use crate::Protocol;

/// The most a compiled expression may take.
const EXPRESSION_MAX_BYTES: usize = 1 << 20;
/// The protocols that a rule may name.
const PROTOCOLS: [Protocol; 13] = [
    Protocol::Chat,
    Protocol::Http,
    Protocol::Http2,
    Protocol::WebSocket,
    Protocol::Tls,
    Protocol::Xmpp,
    Protocol::Mqtt,
    Protocol::Smtp,
    Protocol::Irc,
    Protocol::Redis,
    Protocol::Postgres,
    Protocol::Ssh,
    Protocol::Unknown,
];

pub(super) type Resolved<T> = Result<T, Mistake>;

/// Reads a file of rules.
pub(super) fn parse(text: &str) -> Resolved<Rules> {
    let raw: RawRules = toml::from_str(text)?;
    if let Some(over) = raw.rule.get(RULES_MAX) {
        return Err(Mistake::new(over.span(), format!("more rules than {RULES_MAX}")));
    }
    if let Some(over) = raw.provision.get(RULES_MAX) {
        return Err(Mistake::new(
            over.span(),
            format!("more requests than {RULES_MAX}"),
        ));
    }
    let rules = Rules {
        targets: raw.target.into_iter().map(target).collect::<Resolved<_>>()?,
        chat: chat(raw.chat)?,
        http: http(raw.http)?,
        provisions: raw
            .provision
            .into_iter()
            .map(provision)
            .collect::<Resolved<_>>()?,
        ..Rules::default()
    };
    let names: Vec<String> = raw
        .rule
        .iter()
        .flat_map(|rule| &rule.get_ref().learn)
        .map(|learn| learn.name.get_ref().clone())
        .collect();
    let known: Vec<&str> = names.iter().map(String::as_str).collect();
    let resolved = raw.rule.into_iter().map(|raw| {
        let line = line_of(text, raw.span().start);
        rule(raw, line, &known)
    });
    Ok(Rules {
        rules: resolved.collect::<Resolved<_>>()?,
        ..rules
    })
}

fn target(raw: Spanned<RawTarget>) -> Resolved<Target> {
    let raw = raw.into_inner();
    let span = raw.address.span();
    let address = raw.address.into_inner();
    let port = address
        .rsplit_once(':')
        .filter(|(host, _)| !host.is_empty())
        .and_then(|(_, port)| port.parse::<u16>().ok());
    if port.is_none() {
        return Err(Mistake::new(
            span,
            format!("`{address}` is no target; expected `host:port`"),
        ));
    }
    let identity = match (raw.certificate, raw.key) {
        (None, None) => None,
        (Some(certificate), Some(key)) => Some(Identity {
            certificate: certificate.into_inner().into(),
            key: key.into_inner().into(),
        }),
        (Some(alone), None) => return Err(Mistake::new(alone.span(), "a `certificate` without its `key`")),
        (None, Some(alone)) => return Err(Mistake::new(alone.span(), "a `key` without its `certificate`")),
    };
    Ok(Target {
        server: place(raw.server)?,
        address,
        tls: raw.tls,
        sni: raw.sni,
        ca: raw.ca.map(Into::into),
        identity,
    })
}

fn chat(raw: RawChat) -> Resolved<ChatRules> {
    let secret = match raw.secret {
        None => None,
        Some(secret) => Some(Secret::new(&hex(&secret)?)),
    };
    let stride = match raw.stride {
        None => STRIDE_DEFAULT,
        Some(stride) => u64::try_from(*stride.get_ref())
            .ok()
            .filter(|stride| (1..=Number::MAX.value()).contains(stride))
            .ok_or_else(|| {
                Mistake::new(stride.span(), format!("a stride is 1 to {}", Number::MAX.value()))
            })?,
    };
    Ok(ChatRules {
        secret,
        offset: raw.offset.unwrap_or(0),
        stride,
    })
}

fn http(raw: RawHttp) -> Resolved<HttpRules> {
    let host = match raw.host {
        None => Host::Target,
        Some(host) if host.get_ref().is_empty() || host.get_ref().contains(|c: char| c <= ' ') => {
            return Err(Mistake::new(
                host.span(),
                "expected a host's name, `target` or `keep`",
            ));
        }
        Some(host) => match host.into_inner() {
            word if word == "keep" => Host::Keep,
            word if word == "target" => Host::Target,
            name => Host::Named(name),
        },
    };
    Ok(HttpRules {
        host,
        cookies: raw.cookies.unwrap_or(true),
        tokens: raw.tokens.unwrap_or(true),
        masked: false,
    })
}

fn provision(raw: Spanned<RawProvision>) -> Resolved<Provision> {
    let raw = raw.into_inner();
    let words = raw
        .request
        .get_ref()
        .split(' ')
        .filter(|word| !word.is_empty())
        .count();
    if words != 2 || raw.request.get_ref().contains(char::is_control) {
        let expected = "expected a method and a path, such as `POST /people`";
        return Err(Mistake::new(raw.request.span(), expected));
    }
    for line in &raw.header {
        if !line.get_ref().contains(':') || line.get_ref().contains(char::is_control) {
            let expected = "expected a header's line, such as `Content-Type: application/json`";
            return Err(Mistake::new(line.span(), expected));
        }
    }
    Ok(Provision {
        server: place(raw.server)?,
        request: raw.request.into_inner(),
        header: raw.header.into_iter().map(Spanned::into_inner).collect(),
        body: raw.body,
    })
}

fn rule(raw: Spanned<RawRule>, line: usize, known: &[&str]) -> Resolved<Rule> {
    let raw = raw.into_inner();
    let protocol = match raw.protocol {
        None => None,
        Some(name) => Some(protocol(&name)?),
    };
    let unit = match (raw.unit, raw.length) {
        (Some(_), Some(length)) => {
            let expected = "`length` cuts what is said into frames; `unit` is not needed beside it";
            return Err(Mistake::new(length.span(), expected));
        }
        (None, Some(raw)) => Some(Unit::Frame(Length::of(&raw.into_inner())?)),
        (Some(RawUnit::Saying), None) => Some(Unit::Saying),
        (Some(RawUnit::Line), None) => Some(Unit::Line),
        (None, None) => None,
    };
    let replace = raw.replace.into_iter().map(|raw| replace(raw, known));
    let regex = raw.regex.into_iter().map(|raw| rewrite(&raw, known));
    Ok(Rule {
        line,
        protocol,
        server: place(raw.server)?,
        unit,
        replace: replace.collect::<Resolved<_>>()?,
        regex: regex.collect::<Resolved<_>>()?,
        learn: raw.learn.into_iter().map(learn).collect::<Resolved<_>>()?,
        mask: raw.mask.iter().map(expression).collect::<Resolved<_>>()?,
    })
}

fn protocol(name: &Spanned<String>) -> Resolved<Protocol> {
    let found = name.get_ref();
    PROTOCOLS
        .into_iter()
        .find(|protocol| protocol.name() == found)
        .ok_or_else(|| {
            let known = PROTOCOLS.map(Protocol::name);
            Mistake::new(
                name.span(),
                format!("unknown protocol `{found}`; {}", suggest(found, &known)),
            )
        })
}

fn replace(raw: Spanned<RawReplace>, known: &[&str]) -> Resolved<Replace> {
    let span = raw.span();
    let raw = raw.into_inner();
    let (find, at) = match (raw.find, raw.find_hex) {
        (Some(text), None) => (text.get_ref().as_bytes().to_vec(), text.span()),
        (None, Some(digits)) => (hex(&digits)?, digits.span()),
        _ => return Err(Mistake::new(span, "expected one of `find` and `find_hex`")),
    };
    if find.is_empty() {
        return Err(Mistake::new(at, "nothing to find; expected at least one byte"));
    }
    let with = match (raw.with, raw.with_hex) {
        (Some(text), None) => template(&text, 0, known)?,
        (None, Some(digits)) => Template::fixed(hex(&digits)?),
        _ => return Err(Mistake::new(span, "expected one of `with` and `with_hex`")),
    };
    Ok(Replace { find, with })
}

fn rewrite(raw: &RawRewrite, known: &[&str]) -> Resolved<Rewrite> {
    let find = expression(&raw.find)?;
    let with = template(&raw.with, find.captures_len(), known)?;
    Ok(Rewrite { find, with })
}

fn learn(raw: RawLearn) -> Resolved<Learn> {
    if !is_name(raw.name.get_ref()) {
        let expected =
            "a learned value's name has letters, digits, `_` and `-`, and is not `clone`, `flow` or `random`";
        return Err(Mistake::new(raw.name.span(), expected));
    }
    let from = expression(&raw.from)?;
    if from.captures_len() < 2 {
        let expected = "expected a group in the expression, such as `sid=([0-9a-f]+)`: it is what is learned";
        return Err(Mistake::new(raw.from.span(), expected));
    }
    Ok(Learn {
        name: raw.name.into_inner(),
        from,
    })
}

fn template(text: &Spanned<String>, groups: usize, known: &[&str]) -> Resolved<Template> {
    let template =
        Template::parse(text.get_ref(), groups).map_err(|expected| Mistake::new(text.span(), expected))?;
    for name in template.names() {
        if !known.contains(&name) {
            let hint = match known {
                [] => "no rule has a `learn`".to_owned(),
                known => suggest(name, known),
            };
            return Err(Mistake::new(
                text.span(),
                format!("nothing is learned as `{name}`; {hint}"),
            ));
        }
    }
    Ok(template)
}

/// An expression, by which bytes are matched, Unicode not presumed.
fn expression(text: &Spanned<String>) -> Resolved<Regex> {
    RegexBuilder::new(text.get_ref())
        .size_limit(EXPRESSION_MAX_BYTES)
        .build()
        .map_err(|error| Mistake::new(text.span(), sentence(&error)))
}

/// The last line of what the expression's parser says: the others draw arrows below it.
fn sentence(error: &regex::Error) -> String {
    let text = error.to_string();
    let last = text.lines().last().unwrap_or_default();
    format!("no regular expression: {}", last.trim_start_matches("error: "))
}

fn place(text: Option<Spanned<String>>) -> Resolved<Place> {
    let Some(text) = text else {
        return Ok(Place::default());
    };
    Place::from_str(text.get_ref()).map_err(|error| Mistake::new(text.span(), error.to_string()))
}

/// Bytes in hexadecimal, white space between them ignored.
fn hex(text: &Spanned<String>) -> Resolved<Vec<u8>> {
    let span: Range<usize> = text.span();
    let refused = || {
        Mistake::new(
            span.clone(),
            "expected pairs of hexadecimal digits, such as \"00 ff\"",
        )
    };
    let digits: Vec<u8> = text
        .get_ref()
        .chars()
        .filter(|c| !c.is_whitespace())
        .map(|c| c.to_digit(16).map(|digit| digit as u8).ok_or_else(refused))
        .collect::<Resolved<_>>()?;
    let (pairs, rest) = digits.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(refused());
    }
    Ok(pairs.iter().map(|[high, low]| high << 4 | low).collect())
}
