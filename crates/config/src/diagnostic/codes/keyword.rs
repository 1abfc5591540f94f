//! Codes of keywords and their arguments.

use super::codes;

codes! {
    UNKNOWN_KEYWORD = "KEY001", UnknownKeyword, "the keyword is not known here";
    MISSING_ARGUMENT = "KEY002", MissingParameter, "a keyword lacks an argument that it must have";
    EXTRA_ARGUMENT = "KEY003", Silent, "a word behind the arguments of a keyword";
    INVALID_NUMBER = "KEY004", InvalidNumber, "not a number, or a number out of range";
    INVALID_ARGUMENT = "KEY005", GeneralError, "a word that is none of those that may stand here";
    RETIRED_KEYWORD = "KEY006", Deprecated, "an old form of a keyword";
    NOT_YET = "KEY007", Silent, "a keyword that this release knows and does not execute";
    NO_EFFECT = "KEY008", Silent, "a keyword without effect, and nothing is missing for that";
}
