//! The desk: the speeds of a replay that is under way, read and turned over HTTP, as `teem knob` asks for it.
//!
//! It knows names and values, and drives nothing: whoever drives takes the turns and follows them. It listens on loopback
//! alone, to programs of this host: neither a page of a browser nor a name rebound to loopback is heard.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context as _, Result, bail};
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::http::header::{HOST, ORIGIN};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, put};
use axum::{Json, Router};
use replay::Speed;
use serde_json::{Value, json};

/// Turns that may wait to be followed; whoever drives looks fifty times a second.
const TURNS_MAX: usize = 64;

/// A knob: its name, what it means, and which of the two speeds it turns.
struct Knob {
    name: &'static str,
    meaning: &'static str,
    connect: bool,
    think: bool,
}

const KNOBS: [Knob; 3] = [
    Knob {
        name: "speed",
        meaning: "how many times faster than recorded",
        connect: true,
        think: true,
    },
    Knob {
        name: "connect_speed",
        meaning: "how many times faster sessions begin",
        connect: true,
        think: false,
    },
    Knob {
        name: "think_speed",
        meaning: "how many times faster a session's turns follow each other",
        connect: false,
        think: true,
    },
];

/// A knob was turned.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Turn {
    /// Its name.
    pub(crate) name: &'static str,
    /// From what to what, in words.
    pub(crate) detail: String,
    /// The speeds from now on: of connects, and of think times.
    pub(crate) speeds: (Speed, Speed),
}

/// The desk. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Desk(Arc<Mutex<Board>>);

#[derive(Default)]
struct Board {
    /// As they were at first, and as they are.
    speeds: Option<[(Speed, Speed); 2]>,
    turns: VecDeque<Turn>,
}

/// Why a knob was not turned: for HTTP, and in a sentence.
type Refusal = (StatusCode, String);

impl Desk {
    /// A desk for a replay that begins at these speeds, which listens where it is told to. Returns where that is.
    ///
    /// # Errors
    /// The address is not of loopback, or taken.
    pub(crate) async fn open(address: SocketAddr, speeds: (Speed, Speed)) -> Result<(Self, SocketAddr)> {
        if !address.ip().is_loopback() {
            bail!("--knobs {address}: expected an address of loopback, such as 127.0.0.1:7791");
        }
        let listener = tokio::net::TcpListener::bind(address)
            .await
            .with_context(|| format!("--knobs {address}"))?;
        let address = listener.local_addr()?;
        let desk = Self::default();
        desk.board().speeds = Some([speeds; 2]);
        let routes = Router::new()
            .route("/knobs", get(list))
            .route("/knobs/{name}", put(turn))
            .layer(middleware::from_fn(heard))
            .with_state(desk.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Ok((desk, address))
    }

    /// What was turned since the last call, in order.
    pub(crate) fn take_turns(&self) -> Vec<Turn> {
        self.board().turns.drain(..).collect()
    }

    /// Turns a knob. Returns its value before and after.
    fn set(&self, name: &str, value: &str) -> Result<(Speed, Speed), Refusal> {
        let knob = KNOBS.iter().find(|knob| knob.name == name);
        let unknown =
            || format!("no knob is called `{name}`: there are speed, connect_speed and think_speed");
        let knob = knob.ok_or_else(|| (StatusCode::NOT_FOUND, unknown()))?;
        let wrong = |error: replay::SpeedError| (StatusCode::BAD_REQUEST, error.to_string());
        let to: Speed = value.trim().parse().map_err(wrong)?;
        let mut board = self.board();
        if board.turns.len() >= TURNS_MAX {
            let busy = format!("{TURNS_MAX} turns wait already");
            return Err((StatusCode::SERVICE_UNAVAILABLE, busy));
        }
        let [_, now] = board
            .speeds
            .get_or_insert([(Speed::RECORDED, Speed::RECORDED); 2]);
        let from = knob.value(*now);
        if knob.connect {
            now.0 = to;
        }
        if knob.think {
            now.1 = to;
        }
        let speeds = *now;
        board.turns.push_back(Turn {
            name: knob.name,
            detail: format!("{from} -> {to}"),
            speeds,
        });
        Ok((from, to))
    }

    fn board(&self) -> MutexGuard<'_, Board> {
        // Each change is whole, so a thread that died in one left nothing half-done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where a desk listens, in a sentence.
pub(crate) fn told(address: SocketAddr) -> String {
    format!("teem knob --admin {address} speed 2")
}

impl Knob {
    /// Its value: where it turns both speeds and they differ, that of think times.
    fn value(&self, (connect, think): (Speed, Speed)) -> Speed {
        if self.think { think } else { connect }
    }
}

/// Whether a request comes from a program of this host: a name that was rebound to loopback, and a page, are told off.
async fn heard(request: Request, next: Next) -> Response {
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok());
    let is_here = host.is_some_and(|host| {
        let name = host
            .parse::<SocketAddr>()
            .map(|address| address.ip().is_loopback());
        name.unwrap_or_else(|_| host == "localhost" || host.starts_with("localhost:"))
    });
    if !is_here || request.headers().contains_key(ORIGIN) {
        return (
            StatusCode::FORBIDDEN,
            Json(json!({"error": "only programs of this host are heard"})),
        )
            .into_response();
    }
    next.run(request).await
}

async fn list(State(desk): State<Desk>) -> Json<Value> {
    let speeds = desk.board().speeds;
    let [first, now] = speeds.unwrap_or([(Speed::RECORDED, Speed::RECORDED); 2]);
    let knobs = KNOBS.iter().map(|knob| {
        json!({
            "name": knob.name,
            "value": knob.value(now).to_string(),
            "default": knob.value(first).to_string(),
            "unit": "",
            "expected": "a number from 0.1 to 100, or max",
            "meaning": knob.meaning,
        })
    });
    Json(knobs.collect())
}

async fn turn(State(desk): State<Desk>, Path(name): Path<String>, value: String) -> Response {
    match desk.set(&name, &value) {
        Ok((from, to)) => {
            Json(json!({"name": name, "from": from.to_string(), "to": to.to_string()})).into_response()
        }
        Err((status, why)) => (status, Json(json!({"error": why}))).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn speed(text: &str) -> Speed {
        text.parse().unwrap()
    }

    #[test]
    fn a_knob_turns_its_speeds_and_turns_are_taken_once_in_order() {
        let desk = Desk::default();
        assert_eq!(desk.set("think_speed", "2"), Ok((speed("1"), speed("2"))));
        assert_eq!(desk.set("speed", " max\n"), Ok((speed("2"), speed("max"))));
        let turns = desk.take_turns();
        assert_eq!(turns.len(), 2);
        assert_eq!(
            (turns[0].speeds, turns[0].detail.as_str()),
            ((speed("1"), speed("2")), "1x -> 2x")
        );
        assert_eq!(turns[1].speeds, (speed("max"), speed("max")));
        assert_eq!(desk.take_turns(), []);
    }

    #[test]
    fn what_is_no_knob_or_no_speed_turns_nothing_and_turns_are_bounded() {
        let desk = Desk::default();
        let error = desk.set("sped", "2").unwrap_err().1;
        assert!(
            error.contains("`sped`") && error.contains("connect_speed"),
            "{error}"
        );
        for wrong in ["", "0", "1000", "fast"] {
            assert!(desk.set("speed", wrong).unwrap_err().1.contains("0.1 to 100"));
        }
        assert_eq!(desk.take_turns(), []);
        for _ in 0..TURNS_MAX {
            desk.set("speed", "2").unwrap();
        }
        assert_eq!(
            desk.set("speed", "2").unwrap_err().0,
            StatusCode::SERVICE_UNAVAILABLE
        );
    }
}
