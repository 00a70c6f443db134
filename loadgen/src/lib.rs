//! The swarm: population, behaviours, the ledger.
