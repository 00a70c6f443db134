//! A file of rules as it is spelled: every key optional or not, nothing checked across keys.
//!
//! It does not know what a pattern or a place is: that is `resolve`'s.

use serde::Deserialize;
use toml::Spanned;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRules {
    #[serde(default)]
    pub(super) target: Vec<Spanned<RawTarget>>,
    #[serde(default)]
    pub(super) chat: RawChat,
    #[serde(default)]
    pub(super) http: RawHttp,
    #[serde(default)]
    pub(super) provision: Vec<Spanned<RawProvision>>,
    #[serde(default)]
    pub(super) rule: Vec<Spanned<RawRule>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawProvision {
    pub(super) server: Option<Spanned<String>>,
    pub(super) request: Spanned<String>,
    #[serde(default)]
    pub(super) header: Vec<Spanned<String>>,
    #[serde(default)]
    pub(super) body: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawTarget {
    pub(super) server: Option<Spanned<String>>,
    pub(super) address: Spanned<String>,
    #[serde(default)]
    pub(super) tls: bool,
    pub(super) sni: Option<String>,
    pub(super) ca: Option<String>,
    pub(super) certificate: Option<Spanned<String>>,
    pub(super) key: Option<Spanned<String>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawChat {
    pub(super) secret: Option<Spanned<String>>,
    pub(super) offset: Option<i64>,
    pub(super) stride: Option<Spanned<i64>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawHttp {
    pub(super) host: Option<Spanned<String>>,
    pub(super) cookies: Option<bool>,
    pub(super) tokens: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRule {
    pub(super) protocol: Option<Spanned<String>>,
    pub(super) server: Option<Spanned<String>>,
    pub(super) unit: Option<RawUnit>,
    pub(super) length: Option<Spanned<RawLength>>,
    #[serde(default)]
    pub(super) replace: Vec<Spanned<RawReplace>>,
    #[serde(default)]
    pub(super) regex: Vec<RawRewrite>,
    #[serde(default)]
    pub(super) learn: Vec<RawLearn>,
    #[serde(default)]
    pub(super) mask: Vec<Spanned<String>>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum RawUnit {
    Saying,
    Line,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawLength {
    #[serde(default)]
    pub(super) offset: usize,
    pub(super) width: Spanned<usize>,
    #[serde(default)]
    pub(super) endian: RawEndian,
    #[serde(default)]
    pub(super) counts: RawCounts,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum RawEndian {
    #[default]
    Big,
    Little,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum RawCounts {
    #[default]
    Rest,
    All,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawReplace {
    pub(super) find: Option<Spanned<String>>,
    pub(super) find_hex: Option<Spanned<String>>,
    pub(super) with: Option<Spanned<String>>,
    pub(super) with_hex: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRewrite {
    pub(super) find: Spanned<String>,
    pub(super) with: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawLearn {
    pub(super) name: Spanned<String>,
    pub(super) from: Spanned<String>,
}
