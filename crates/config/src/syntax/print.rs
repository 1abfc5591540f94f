//! Printing a tree.
