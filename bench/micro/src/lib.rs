//! The benchmarks are in `benches/`; there is nothing to build beside them.
