//! Codes of what a configuration means: instances, addresses, groups, and how they fit together.

use super::codes;

codes! {
    DUPLICATE_ROUTER = "VRRP001", Fatal, "two instances are the same virtual router";
    MISSING_SETTING = "VRRP002", Fatal, "an instance lacks what identifies it";
    DUPLICATE_NAME = "VRRP003", GeneralError, "two blocks have the same name";
    OTHER_FAMILY = "VRRP004", GeneralError, "an address of the other family than the instance";
    VERSION_REPLACED = "VRRP005", GeneralError, "a version that the family cannot use";
    INTERVAL_ROUNDED = "VRRP006", GeneralError, "an interval that the version cannot carry";
    NOPREEMPT_CLEARED = "VRRP007", Warning, "nopreempt where it cannot work";
    PREEMPT_DELAY_DROPPED = "VRRP008", Warning, "preempt_delay where it cannot work";
    NO_PEER = "VRRP009", Deprecated, "unicast without a peer";
    AUTHENTICATION_IGNORED = "VRRP010", GeneralError, "authentication that is not sent";
    PASSWORD_CUT = "VRRP011", GeneralError, "a password longer than the packet carries";
    STRICT = "VRRP012", GeneralError, "a setting that strict mode replaces";
    STRICT_SERVED = "VRRP013", Silent, "strict mode on an address that must be reachable";
    NO_ADDRESS = "VRRP014", Warning, "an instance without virtual addresses";
    TOO_MANY_ADDRESSES = "VRRP015", GeneralError, "more addresses than an advertisement carries";
    LINK_LOCAL_FIRST = "VRRP016", Warning, "an IPv6 instance whose first address is not link-local";
    STATE_CLEARED = "VRRP017", GeneralError, "a state that the authentication does not allow";
    ACCEPTANCE = "VRRP020", GeneralError, "accept or no_accept where it cannot work";
    UNUSABLE_KEY = "VRRP018", GeneralError, "a key that cannot be used";
    VMAC = "VRRP030", GeneralError, "a virtual MAC link that is run otherwise than written";
    INVALID_ADDRESS = "ADDR001", GeneralError, "not an address, or not a prefix length";
    LABEL_TOO_LONG = "ADDR002", GeneralError, "a label longer than the kernel takes";
    INVALID_WORD = "ADDR005", GeneralError, "a word of an address line that is not understood";
    NO_DEVICE = "ADDR006", GeneralError, "a static address without an interface";
    DUPLICATE_ADDRESS = "ADDR003", GeneralError, "the same virtual address twice";
    MISSING_INTERFACE = "HOST001", GeneralError, "an interface that this host does not have";
    OFF_SUBNET = "ADDR004", Silent, "an address outside every subnet of its interface";
    WEIGHT_DROPPED = "TRACK001", GeneralError, "a weight that has no effect";
    DUPLICATE_TRACKER = "TRACK002", GeneralError, "the same thing tracked twice";
    UNKNOWN_TRACKER = "TRACK003", GeneralError, "a tracked thing whose block does not exist";
    UNUSED_TRACKER = "TRACK004", GeneralError, "a block of a thing that nobody tracks";
    UNSECURED_SCRIPT = "TRACK005", SecurityError, "programs are run without looking at who could change them";
    QUORUM_IMPOSSIBLE = "TRACK006", Silent, "more processes are asked for than are allowed";
    MAIL_LOGIN = "MAIL001", Silent, "a login for e-mail that lacks a password, or shows it";
    DUPLICATE_SESSION = "TRACK007", GeneralError, "two BFD sessions with one neighbor";
    UNSCOPED_SESSION = "TRACK008", GeneralError, "a BFD session with a link-local address, which has no interface";
    UNKNOWN_MEMBER = "GROUP001", GeneralError, "a sync group names an instance that does not exist";
    MEMBER_OF_TWO = "GROUP002", GeneralError, "an instance in two sync groups";
    UNKNOWN_TRACK_GROUP = "GROUP004", GeneralError, "a track_group that does not exist";
    IDLE_TRACK_GROUP = "GROUP005", Silent, "a track_group that nothing static names";
    RATED_TWICE = "GROUP006", GeneralError, "an interface in two garp_groups";
    IDLE_GARP_GROUP = "GROUP007", GeneralError, "a garp_group that limits nothing";
    INVALID_ROUTE = "ROUTE001", GeneralError, "a route that cannot be read";
    INVALID_RULE = "ROUTE002", GeneralError, "a rule that cannot be read";
    PATH_ADJUSTED = "ROUTE003", GeneralError, "a part of a route or rule that is done otherwise";
    DUPLICATE_PATH = "ROUTE004", GeneralError, "the same route or rule twice";
    NO_PRIORITY = "ROUTE005", GeneralError, "a rule without a priority";
    OLD_FORM = "ROUTE006", Deprecated, "a word of a route that has a newer form";
    LONELY_GROUP = "GROUP003", Warning, "a sync group of fewer than two";
}
