//! Captures read, put together and compared: with tshark, with a known truth, and with what was kept from fuzzing.

mod streams;
mod tshark;
