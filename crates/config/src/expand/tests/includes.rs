//! Includes: where their files stand, and what their failures are.

use super::*;

fn load(files: &[(&str, &str)]) -> SourceSet {
    SourceSet::load("/etc/top", &mut |request| {
        let prefix = request.pattern.split('*').next().unwrap();
        let wild = request.pattern.contains('*');
        let found = files.iter().filter(|(name, _)| {
            if wild { name.starts_with(prefix) } else { *name == request.pattern }
        });
        IncludeAnswer {
            files: found
                .map(|(name, text)| IncludedFile {
                    name: (*name).to_owned(),
                    content: match *text {
                        "!exec" => Err(crate::source::Refusal::Executable),
                        text => Ok(text.as_bytes().to_vec()),
                    },
                })
                .collect(),
        }
    })
}

#[test]
fn an_included_file_stands_where_its_line_stood() {
    let set = load(&[
        ("/etc/top", "a {\n  include d/*.conf # all\n}\nx ${_PWD}\n"),
        ("/etc/d/1.conf", "$X=1\nb $X ${_PWD} {"),
        ("/etc/d/2.conf", "c $X\n}"),
    ]);
    assert_eq!(expand_set(&set, &environment()), "a\n{\nb 1 /etc/d\n{\nc 1\n}\n}\nx /etc\n");
    let again = SourceSet::from_bytes(&set.to_bytes()).unwrap();
    assert_eq!(expand_set(&again, &environment()), expand_set(&set, &environment()));
}

#[test]
fn an_include_may_stand_behind_conditions_braces_and_definitions() {
    let set = load(&[
        (
            "/etc/top",
            "@node1 include a\n@node2 include b\nx { include a # c\n}\n$I=include b\n$I\n\
             $M={ \\\n include a \\\n}\n$M\n\"include\" a\n",
        ),
        ("/etc/a", "in a"),
        ("/etc/b", "in b"),
    ]);
    assert_eq!(
        expand_set(&set, &environment()),
        "in a\nx\n{\nin a\n}\nin b\n{\n}\nin a\n\"include\" a\n"
    );
}

#[test]
fn a_file_that_uses_its_own_include_ends() {
    let set = load(&[("/etc/top", "$I=include a\n$I\n"), ("/etc/a", "x\n$I\n")]);
    assert!(
        expand_set(&set, &environment())
            .ends_with("/etc/a:2:1: error: includes within includes do not end [LANG005]\n")
    );
}

#[test]
fn a_missing_include_is_an_error_only_where_a_check_asks() {
    let set = load(&[(
        "/etc/top",
        "include no.conf\ninclude no*\nincluder no\nincludem no\nincludem no*\nincludew no*\n\
         includeb {top*,no}\nincludea no*\ninclude\n",
    )]);
    assert_eq!(
        expand_set(&set, &environment()).replace("top:", "t:"),
        concat!(
            "/etc/t:1:1: warning: nothing matches `/etc/no.conf` [LANG004]\n",
            "/etc/t:2:1: note: nothing matches `/etc/no*` [LANG004]\n",
            "/etc/t:3:1: warning: nothing matches `/etc/no` [LANG004]\n",
            "/etc/t:4:1: error: nothing matches `/etc/no` [LANG005]\n",
            "/etc/t:5:1: note: nothing matches `/etc/no*` [LANG004]\n",
            "/etc/t:6:1: error: nothing matches `/etc/no*` [LANG005]\n",
            "/etc/t:7:1: error: `/etc/top` is not read: the file includes itself [LANG005]\n",
            "/etc/t:7:1: error: nothing matches `/etc/no` [LANG005]\n",
            "/etc/t:8:1: error: nothing matches `/etc/no*` [LANG005]\n",
            "/etc/t:9:1: error: the file name is missing [LANG008]\n",
        )
    );
}

#[test]
fn include_check_holds_to_the_end_of_its_file() {
    let set = load(&[
        (
            "/etc/top",
            "include a\ninclude no\ninclude_check match\ninclude no\ninclude x\n\
                      include_check -match +readable foo\ninclude no\ninclude x\n",
        ),
        ("/etc/a", "include_check\ninclude no*"),
        ("/etc/x", "!exec"),
    ]);
    assert_eq!(
        expand_set(&set, &environment()),
        concat!(
            "include_check\ninclude_check match\ninclude_check -match +readable foo\n",
            "/etc/a:2:1: error: nothing matches `/etc/no*` [LANG005]\n",
            "/etc/top:2:1: warning: nothing matches `/etc/no` [LANG004]\n",
            "/etc/top:4:1: error: nothing matches `/etc/no` [LANG005]\n",
            "/etc/top:5:1: warning: `/etc/x` is not read: a configuration file must not be executable [LANG004]\n",
            "/etc/top:6:32: warning: `foo` is not a check of include lines and is ignored [LANG007]; ",
            "one of `readable`, `match`, `wildcard_match`, `brace_match`\n",
            "/etc/top:7:1: warning: nothing matches `/etc/no` [LANG004]\n",
            "/etc/top:8:1: error: `/etc/x` is not read: a configuration file must not be executable [LANG005]\n",
        )
    );
    let all = Environment { all_include_checks: true, ..environment() };
    assert!(expand_set(&load(&[("/etc/top", "include no*")]), &all).contains("error"));
}

#[test]
fn the_top_level_name_may_match_none_one_or_many() {
    let none = SourceSet::load("/etc/no", &mut |_| IncludeAnswer::default());
    assert_eq!(
        expand_set(&none, &environment()),
        "error: configuration file `/etc/no` does not exist [LANG001]\n"
    );
    let many = SourceSet::load("/etc/*", &mut |_| IncludeAnswer {
        files: ["a", "b"]
            .map(|name| IncludedFile { name: name.to_owned(), content: Ok(name.into()) })
            .to_vec(),
    });
    assert_eq!(
        expand_set(&many, &environment()),
        "a\nb\nwarning: `/etc/*` matches 2 files, all are read [LANG003]\n"
    );
}
