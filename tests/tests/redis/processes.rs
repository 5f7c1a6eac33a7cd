//! Two processes, one of each framework.
