//! Codes of the language itself: files, lines, quotes, braces, parameters.

use super::codes;

codes! {
    NO_FILE = "LANG001", Silent, "the configuration file does not exist";
    UNREADABLE_FILE = "LANG002", FileNotFound, "the configuration file exists but is not read";
    SEVERAL_FILES = "LANG003", MultipleFiles, "the name of the configuration matches several files";
    INCLUDE_PROBLEM = "LANG004", Silent, "an include line finds nothing, or a file that is not read";
    INCLUDE_FAILED = "LANG005", FailedInclude, "an include line fails a check that was asked for";
    INCLUDE_MISPLACED = "LANG006", UnknownKeyword, "an include that is made by parameters or sequences";
    INCLUDE_CHECK_WORD = "LANG007", GeneralError, "include_check has a word that it does not know";
    NO_INCLUDE_PATTERN = "LANG008", UnknownKeyword, "an include without a file name";
    LINE_TOO_LONG = "LANG010", GeneralError, "a line of more than 1024 bytes is not read";
    NUL_IN_LINE = "LANG011", GeneralError, "a line with a NUL byte is not read";
    NOT_UTF8 = "LANG012", Silent, "text that is not UTF-8";
    SLASH_COMMENT = "LANG013", UnknownKeyword, "`//` in place of a word is taken as the beginning of a comment";
    UNMATCHED_QUOTE = "LANG014", UnmatchedQuote, "a quote is not closed on its line";
    SLASH_COMMENT_BEHIND = "LANG015", Silent, "`//` behind a complete directive is taken as the beginning of a comment";
    BLOCK_NOT_OPENED = "LANG020", MissingOpeningBrace, "a block has no opening brace";
    STRAY_OPENING_BRACE = "LANG021", UnexpectedOpeningBrace, "an opening brace where no block begins";
    STRAY_CLOSING_BRACE = "LANG022", UnexpectedClosingBrace, "a closing brace where no block is open";
    BLOCK_NOT_CLOSED = "LANG023", MissingClosingBrace, "a block is not closed";
    NESTED_TOO_DEEP = "LANG024", GeneralError, "blocks within blocks beyond any use";
    PARAMETER_UNDEFINED = "LANG030", UnexpectedOpeningBrace, "a parameter is not defined";
    PARAMETER_NOT_EXPANDED = "LANG031", Silent, "a parameter that exists is not expanded for what follows it";
    PARAMETER_ENDLESS = "LANG032", GeneralError, "a parameter contains itself";
    PARAMETER_NOT_ALONE = "LANG033", GeneralError, "a parameter of several lines is used within a line";
    DEFINITION_MALFORMED = "LANG034", UnknownKeyword, "a definition of a parameter cannot be read";
    RANDOM_RANGE = "LANG035", GeneralError, "the range of a random number cannot be read";
    SEQUENCE_MALFORMED = "LANG036", GeneralError, "a sequence or list cannot be read";
    PARAMETER_LIKE = "LANG037", Silent, "a word looks like a parameter that is not defined";
    NO_VARIABLE = "LANG038", Silent, "the environment does not have a variable";
    TOO_MUCH = "LANG040", GeneralError, "the configuration expands beyond any use";
    TOO_MANY_FINDINGS = "LANG041", Silent, "there is more to tell than anyone would read";
}
