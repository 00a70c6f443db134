//! The log-structured mailbox store.
