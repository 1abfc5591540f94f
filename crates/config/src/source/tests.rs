use super::*;

fn answer(files: &[(&str, &[u8])], request: &IncludeRequest<'_>) -> IncludeAnswer {
    let prefix = request.pattern.split('*').next().unwrap();
    let wild = request.pattern.contains('*');
    let matches = files
        .iter()
        .filter(|(name, _)| if wild { name.starts_with(prefix) } else { *name == request.pattern });
    IncludeAnswer {
        files: matches
            .map(|(name, bytes)| IncludedFile {
                name: (*name).to_owned(),
                content: Ok(bytes.to_vec()),
            })
            .collect(),
    }
}

fn load(files: &[(&str, &[u8])]) -> SourceSet {
    SourceSet::load(files[0].0, &mut |request| answer(files, request))
}

#[test]
fn a_column_counts_characters_and_a_bad_byte_is_one_of_them() {
    let set = SourceSet::single("a.conf", &b"one\n\t\xe4\xe4 \xe5\xae\x9a x\n"[..]);
    let text = set.files()[0].text();
    let at = offset(text.find('x').unwrap());
    let location = set.location(Span::new(FileId(0), at, at + 1));
    assert_eq!((location.line, location.column), (2, 7));
    assert_eq!(set.files()[0].bytes(), b"one\n\t\xe4\xe4 \xe5\xae\x9a x\n");
}

#[test]
fn relative_includes_are_relative_to_the_including_file() {
    let set = load(&[
        ("/etc/top.conf", b"include conf.d/*.conf # all\n"),
        ("/etc/conf.d/a.conf", b"include b/c.conf"),
        ("/etc/conf.d/b/c.conf", b"x"),
    ]);
    let names: Vec<_> = set.files().iter().map(SourceFile::name).collect();
    assert_eq!(
        names,
        ["/etc/top.conf", "/etc/conf.d/a.conf", "/etc/conf.d/b/c.conf", "/etc/conf.d/b/c.conf"]
    );
}

#[test]
fn a_file_that_includes_itself_is_read_once() {
    let set = load(&[("/a", b"include b"), ("/b", b"include a\ninclude b")]);
    assert_eq!(set.files().len(), 2);
    let inclusion = set.inclusion(FileId(1), 0).unwrap();
    assert_eq!(
        inclusion.alternatives[0].found,
        [Found::Refused { name: "/a".to_owned(), reason: Refusal::Recursive }]
    );
}

#[test]
fn braces_make_alternatives_in_order() {
    let set = load(&[("/a", b"include {b,c{1,2}}.conf"), ("/b.conf", b""), ("/c2.conf", b"")]);
    let inclusion = set.inclusion(FileId(0), 0).unwrap();
    let patterns: Vec<_> = inclusion.alternatives.iter().map(|a| a.pattern.as_str()).collect();
    assert_eq!(patterns, ["/b.conf", "/c1.conf", "/c2.conf"]);
    assert_eq!(inclusion.alternatives[1].found, []);
    assert_eq!(set.files().len(), 3);
}

#[test]
fn a_set_survives_its_bytes_and_damage_is_an_error() {
    let set = load(&[("/a", b"include b\n\xff"), ("/b", b"x\n")]);
    let bytes = set.to_bytes();
    assert_eq!(SourceSet::from_bytes(&bytes), Ok(set));
    for end in 0..bytes.len() {
        assert!(SourceSet::from_bytes(&bytes[..end]).is_err());
    }
}
