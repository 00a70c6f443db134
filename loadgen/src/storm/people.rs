//! What goose's users do, step by step.
//!
//! It does not know how goose is set up, nor what becomes of its figures.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use goose::GooseError;
use goose::goose::{
    GooseMethod, GooseRequest, GooseResponse, GooseUser, Scenario, Transaction, TransactionError,
    TransactionResult,
};
use goose::metrics::GooseRequestMetric;
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use reqwest::RequestBuilder;
use wire::chat::{MediaToken, Number};

use super::{StormConfig, StormError};
use crate::pins::{Begin, Pins};
use crate::upload::{bearer, link, registered};

/// The bytes at the start of a file that tell one upload from another.
pub(super) const STAMP_BYTES: usize = 8;
/// What a user waits after a failure, so that a server that is down is not asked in a spin.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_millis(100);
/// Waiters and unclaimed PINs kept beyond one a user: other numbers' PINs pass by in the same file.
const SPARE_PINS: usize = 4 * 1024;

/// What the users share.
pub(super) struct Ground {
    first_number: u64,
    numbers: u64,
    /// Numbers given out so far.
    given: AtomicU64,
    /// Uploads begun so far.
    uploads: AtomicU64,
    /// Content of every upload, but for the stamp.
    content: Vec<u8>,
    pins: Pins,
    timeout: Duration,
    pub(super) registrations: AtomicU64,
    pub(super) pins_missing: AtomicU64,
}

/// A user's account and last upload.
#[derive(Clone)]
struct Account {
    number: Number,
    token: MediaToken,
    upload: Option<Upload>,
}

/// An upload to download again.
#[derive(Clone)]
struct Upload {
    link: String,
    stamp: [u8; STAMP_BYTES],
}

type Step = for<'r> fn(
    &'r mut GooseUser,
    Arc<Ground>,
) -> Pin<Box<dyn Future<Output = TransactionResult> + Send + 'r>>;

impl Ground {
    /// Begins to read the PINs' file from its end. Must be called on a tokio runtime.
    pub(super) fn new(config: &StormConfig) -> Result<Arc<Self>, StormError> {
        let mut content = vec![0; config.upload_bytes as usize];
        ChaCha8Rng::seed_from_u64(config.seed).fill_bytes(&mut content);
        let capacity = config.users as usize + SPARE_PINS;
        Ok(Arc::new(Self {
            first_number: config.first_number,
            numbers: config.numbers,
            given: AtomicU64::new(0),
            uploads: AtomicU64::new(0),
            content,
            pins: Pins::tail(config.pins.clone(), Begin::End, capacity),
            timeout: config.timeout(),
            registrations: AtomicU64::new(0),
            pins_missing: AtomicU64::new(0),
        }))
    }

    /// The next number: each in its turn, then again from the first.
    fn number(&self) -> Result<Number, Box<TransactionError>> {
        let turn = self.given.fetch_add(1, Ordering::Relaxed) % self.numbers;
        Number::new(self.first_number + turn).map_err(|error| error.to_string().into())
    }

    /// The content of the next upload, and its stamp.
    fn file(&self) -> (Vec<u8>, [u8; STAMP_BYTES]) {
        let stamp = self.uploads.fetch_add(1, Ordering::Relaxed).to_le_bytes();
        let mut body = self.content.clone();
        body[..STAMP_BYTES].copy_from_slice(&stamp);
        (body, stamp)
    }

    fn is_file(&self, body: &[u8], stamp: [u8; STAMP_BYTES]) -> bool {
        body.len() == self.content.len()
            && body[..STAMP_BYTES] == stamp
            && body[STAMP_BYTES..] == self.content[STAMP_BYTES..]
    }
}

/// The users' round.
pub(super) fn scenario(config: &StormConfig, ground: &Arc<Ground>) -> Result<Scenario, GooseError> {
    let mix = config.mix;
    let steps: [(&str, u8, Step); 4] = [
        ("register", mix.register, |user, ground| {
            Box::pin(register(user, ground))
        }),
        ("upload", mix.upload, |user, ground| {
            Box::pin(upload(user, ground))
        }),
        ("download", mix.download, |user, ground| {
            Box::pin(download(user, ground))
        }),
        ("look up", mix.look_up, |user, ground| {
            Box::pin(look_up(user, ground))
        }),
    ];
    let begin = transaction("begin", |user, ground| Box::pin(register(user, ground)), ground).set_on_start();
    let (least, most) = config.wait_ms;
    let mut scenario = Scenario::new("storm")
        .set_wait_time(Duration::from_millis(least), Duration::from_millis(most))?
        .register_transaction(begin);
    for (name, weight, step) in steps {
        if weight > 0 {
            let step = transaction(name, step, ground).set_weight(weight.into())?;
            scenario = scenario.register_transaction(step);
        }
    }
    Ok(scenario)
}

fn transaction(name: &str, step: Step, ground: &Arc<Ground>) -> Transaction {
    let ground = Arc::clone(ground);
    Transaction::new(Arc::new(move |user| {
        let taken = step(user, Arc::clone(&ground));
        Box::pin(async move {
            let result = taken.await;
            if result.is_err() {
                tokio::time::sleep(PAUSE_AFTER_FAILURE).await;
            }
            result
        })
    }))
    .set_name(name)
}

async fn register(user: &mut GooseUser, ground: Arc<Ground>) -> TransactionResult {
    let number = ground.number()?;
    ground.pins.forget(number);
    let body = serde_json::json!({ "number": number.value() });
    let asked = json(user, GooseMethod::Post, "/v1/register", &body)?;
    ask(user, "register", asked).await?;
    let Ok(pin) = ground.pins.wait(number, ground.timeout).await else {
        ground.pins_missing.fetch_add(1, Ordering::Relaxed);
        return Err("no PIN came".into());
    };
    let body = serde_json::json!({ "number": number.value(), "pin": pin });
    let asked = json(user, GooseMethod::Post, "/v1/prove", &body)?;
    let (mut request, body) = ask(user, "prove", asked).await?;
    match registered(&body) {
        Ok(registered) => {
            ground.registrations.fetch_add(1, Ordering::Relaxed);
            user.set_session_data(Account {
                number,
                token: registered.token,
                upload: None,
            });
            Ok(())
        }
        Err(_) => user.set_failure("prove: the answer makes no sense", &mut request, None, None),
    }
}

async fn upload(user: &mut GooseUser, ground: Arc<Ground>) -> TransactionResult {
    let (body, stamp) = ground.file();
    let request = authorized(user, GooseMethod::Put, "/v1/media")?.body(body);
    let (mut request, body) = ask(user, "upload", request).await?;
    match (link(&body), user.get_session_data_mut::<Account>()) {
        (Ok(link), Some(account)) => {
            account.upload = Some(Upload { link, stamp });
            Ok(())
        }
        _ => user.set_failure("upload: the answer makes no sense", &mut request, None, None),
    }
}

async fn download(user: &mut GooseUser, ground: Arc<Ground>) -> TransactionResult {
    // Before the first upload there is nothing to download, which is no failure.
    let Some(last) = user
        .get_session_data::<Account>()
        .and_then(|account| account.upload.clone())
    else {
        return Ok(());
    };
    let request = authorized(user, GooseMethod::Get, &last.link)?;
    let (mut request, body) = ask(user, "download", request).await?;
    if ground.is_file(&body, last.stamp) {
        return Ok(());
    }
    user.set_failure("download: not what was uploaded", &mut request, None, None)
}

async fn look_up(user: &mut GooseUser, _: Arc<Ground>) -> TransactionResult {
    let path = format!("/v1/accounts/{}", account(user)?.number.value());
    // Strangers are limited; who has an account shows that.
    let request = authorized(user, GooseMethod::Get, &path)?;
    let (mut request, body) = ask(user, "look up", request).await?;
    let answer: Option<serde_json::Value> = serde_json::from_slice(&body).ok();
    if answer.is_some_and(|answer| answer["registered"] == true) {
        return Ok(());
    }
    user.set_failure("look up: not registered", &mut request, None, None)
}

fn account(user: &GooseUser) -> Result<&Account, Box<TransactionError>> {
    user.get_session_data::<Account>()
        .ok_or_else(|| "not registered".into())
}

fn authorized(
    user: &GooseUser,
    method: GooseMethod,
    path: &str,
) -> Result<RequestBuilder, Box<TransactionError>> {
    let Account { number, token, .. } = account(user)?;
    let bearer = bearer(*number, token);
    Ok(user
        .get_request_builder(&method, path)?
        .header("authorization", bearer))
}

fn json(
    user: &GooseUser,
    method: GooseMethod,
    path: &str,
    body: &serde_json::Value,
) -> Result<RequestBuilder, Box<TransactionError>> {
    let request = user.get_request_builder(&method, path)?;
    Ok(request
        .header("content-type", "application/json")
        .body(body.to_string()))
}

/// Makes a request under a name and reads the whole of its answer. The names keep goose's figures few, whatever the
/// paths are.
///
/// A body that breaks off makes the request a failure; goose itself looks at the head alone.
async fn ask(
    user: &mut GooseUser,
    name: &str,
    request: RequestBuilder,
) -> Result<(GooseRequestMetric, Vec<u8>), Box<TransactionError>> {
    let request = GooseRequest::builder()
        .name(name)
        .set_request_builder(request)
        .build();
    let GooseResponse {
        mut request,
        response,
    } = user.request(request).await?;
    if !request.success {
        return Err(Box::new(TransactionError::RequestFailed {
            raw_request: Box::new(request),
        }));
    }
    match response?.bytes().await {
        Ok(body) => Ok((request, body.into())),
        Err(error) => {
            user.set_failure(&format!("{name}: the answer broke off"), &mut request, None, None)?;
            Err(error.into())
        }
    }
}
