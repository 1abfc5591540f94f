use super::*;

#[test]
fn every_name_stands_once_in_its_place() {
    for place in places() {
        let mut names: Vec<&str> = place.keywords().map(|keyword| keyword.name).collect();
        names.sort_unstable();
        let before = names.len();
        names.dedup();
        assert_eq!(names.len(), before, "{:?}", place.path);
    }
}

#[test]
fn every_block_has_a_place_with_its_keywords() {
    for place in places() {
        for keyword in place.keywords() {
            let mut path = place.path.to_vec();
            path.push(keyword.name);
            let inside = super::place(&path).is_some();
            let expected = matches!(keyword.shape, Shape::Block(_))
                || path == ["virtual_server_group"] && matches!(keyword.shape, Shape::List(..));
            // Some names are a block in one place and a list or a value in another.
            assert_eq!(inside, expected, "{path:?}");
        }
    }
}

#[test]
fn summaries_are_one_line_without_a_full_stop() {
    for keyword in places().iter().flat_map(Place::keywords) {
        assert!(!keyword.summary.ends_with('.'), "{}", keyword.name);
        assert!(!keyword.summary.contains('\n'), "{}", keyword.name);
        assert!(!keyword.summary.is_empty(), "{}", keyword.name);
    }
}

#[test]
fn the_incumbents_keywords_are_all_there_and_some_of_our_own() {
    // 543 rows of keepalived's language, `vrrp_address_lifetime` in two places, `unicast_allow_no_peer`, `vrrp_fence`,
    // `lvs_data_plane`, five of mail, four of TLS, two of pages in two places each,
    // `GRPC_CHECK` with 21.
    assert_eq!(Counts::of_table().total(), 583);
}

#[test]
fn a_slip_is_answered_with_the_word_meant() {
    let check = |path: &[&str], name, expect: &str| {
        assert_eq!(suggest::keyword(path, name).as_deref(), Some(expect));
    };
    check(&["global_defs"], "stmp_connect_timeout", "did you mean `smtp_connect_timeout`?");
    check(&["global_defs"], "lvs_id", "did you mean `router_id`?");
    check(&["vrrp_instance"], "virtual_router_ip", "did you mean `virtual_router_id`?");
    check(&["vrrp_instance"], "vrrp_strict", "`vrrp_strict` belongs into `global_defs`");
    check(
        &["virtual_server", "real_server"],
        "lb_kind",
        "in a real_server the word is `lvs_method`",
    );
    assert_eq!(suggest::keyword(&[], "completely_different"), None);
}

#[test]
fn explaining_names_every_place_once() {
    let text = explain("connect_port").unwrap();
    assert_eq!(text.matches("connect_port (in ").count(), 1, "{text}");
    assert!(text.contains("virtual_server real_server TCP_CHECK"), "{text}");
    assert_eq!(
        explain("prioritty").unwrap_err().to_string(),
        "no keyword is called `prioritty`: did you mean `priority`?"
    );
}
