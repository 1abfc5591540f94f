//! Codes of keywords and their arguments.

use super::codes;

codes! {
    UNKNOWN_KEYWORD = "KEY001", UnknownKeyword, "the keyword is not known here";
}
