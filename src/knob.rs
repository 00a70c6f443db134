//! `teem knob`: a knob of a running server, read or turned.

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::admin;
use crate::cli::KnobArgs;
use crate::exit::Outcome;

/// Lists the knobs, reads one, or turns it.
pub(crate) fn knob(args: &KnobArgs) -> Result<Outcome> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        match (&args.name, &args.value) {
            (Some(name), Some(value)) => {
                let answer = ask(
                    args,
                    reqwest::Method::PUT,
                    &format!("/knobs/{name}"),
                    Some(value.clone()),
                )
                .await?;
                outln!("{name}: {} -> {}", shown(&answer["from"]), shown(&answer["to"]));
            }
            (wanted, _) => {
                let answer = ask(args, reqwest::Method::GET, "/knobs", None).await?;
                list(&answer, wanted.as_deref())?;
            }
        }
        Ok(Outcome::Passed)
    })
}

fn list(knobs: &Value, wanted: Option<&str>) -> Result<()> {
    let all = knobs
        .as_array()
        .or_else(|| knobs["knobs"].as_array())
        .context("the server's answer is no list of knobs")?;
    let mut found = false;
    for knob in all {
        let name = knob["name"].as_str().unwrap_or_default();
        if wanted.is_none_or(|wanted| wanted == name) {
            let unit = knob["unit"].as_str().unwrap_or_default();
            outln!(
                "{name:<22} {:>12} {unit:<10} {}",
                shown(&knob["value"]),
                shown(&knob["meaning"])
            );
            found = true;
        }
    }
    match wanted {
        Some(wanted) if !found => bail!("no knob is called `{wanted}`; `teem knob` lists them"),
        _ => Ok(()),
    }
}

fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

async fn ask(args: &KnobArgs, method: reqwest::Method, path: &str, body: Option<String>) -> Result<Value> {
    let mut request = admin::client()?.request(method, format!("http://{}{path}", args.admin));
    if let Some(body) = body {
        request = request.body(body);
    }
    let answer = request.send().await.with_context(|| {
        format!(
            "no server answers at http://{}; `teem serve` prints its admin address, give it with --admin",
            args.admin
        )
    })?;
    let status = answer.status();
    let text = answer.text().await?;
    let value: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
    if !status.is_success() {
        let said = [&value["detail"], &value["error"]]
            .into_iter()
            .find_map(Value::as_str)
            .unwrap_or(&text)
            .to_owned();
        bail!("the server refused ({status}): {said}");
    }
    Ok(value)
}
