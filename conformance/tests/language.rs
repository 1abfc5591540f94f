//! The configuration language, judged by what the adverts then carry: priority and addresses.

use anyhow::{Result, ensure};
use conformance::configuration::file;
use conformance::flavour::Flavour;
use conformance::scenario::{START, Scenario, Stage};
use conformance::stream::Mark;
use conformance::subject::Subject;

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario::new("a_sequence_to_zero_counts_one_and_zero", V3, |stage| {
        carries(stage, "", &[], &["~SEQ(i, 0) 192.0.2.1${i}/24"], 150, &[11, 10])
    }),
    Scenario::new("a_sequence_counts_down_where_its_end_is_lower", V3, |stage| {
        carries(stage, "", &[], &["~SEQ(i, 3, 1) 192.0.2.1${i}/24"], 150, &[13, 12, 11])
    }),
    Scenario::new("a_sequence_keeps_its_step", V3, |stage| {
        carries(stage, "", &[], &["~SEQ(i, 1, 2, 6) 192.0.2.1${i}/24"], 150, &[11, 13, 15])
    }),
    Scenario::new("sequences_nest_with_the_outer_one_slower", V3, |stage| {
        let line = "~SEQ(i, 1, 2) ~SEQ(j, 1, 2) 192.0.2.${i}${j}/24";
        carries(stage, "", &[], &[line], 150, &[11, 12, 21, 22])
    }),
    Scenario::new("a_list_sets_several_names_in_a_turn", V3, |stage| {
        let line = "~LST({a,b}, {11,24}, {12,25}) 192.0.2.${a}/${b}";
        carries(stage, "", &[], &[line], 150, &[11, 12])
    }),
    Scenario::new("conditions_keep_and_drop_lines", V3, |stage| {
        let lines = ["@^nobody priority 90", "@nobody priority 80"];
        carries(stage, "", &lines, &["192.0.2.10/24"], 90, &[10])
    }),
    Scenario::new("a_condition_before_a_definition_counts", V3, |stage| {
        let definitions = "@nobody $P=80\n@^nobody $P=90\n";
        carries(stage, definitions, &["priority $P"], &["192.0.2.10/24"], 90, &[10])
    }),
    Scenario::new("a_definition_of_several_lines_becomes_several_lines", V3, |stage| {
        carries(stage, LINES, &[], &["$M"], 150, &[11, 12])
    }),
    Scenario::new("a_definition_of_several_lines_may_end_a_line", V3, |stage| {
        let definition = "$M=\\\n  90 \\\n  garp_master_repeat 2\n";
        carries(stage, definition, &["priority $M"], &["192.0.2.10/24"], 90, &[10])
    }),
    Scenario::new("a_comment_begins_within_a_word", V3, |stage| {
        carries(stage, "", &["priority 90#1"], &["192.0.2.10/24"], 90, &[10])
    }),
    Scenario::new("braces_need_no_line_of_their_own", V3, |stage| {
        let lines = ["track_interface { eth0 } priority 90", "virtual_ipaddress { 192.0.2.9/24 }"];
        carries(stage, "", &lines, &[], 90, &[9])
    }),
    Scenario::new("a_value_out_of_range_is_the_default", V3, |stage| {
        carries(stage, "", &["priority 90", "priority 300"], &["192.0.2.10/24"], 100, &[10])
    }),
    Scenario::new("an_unknown_keyword_costs_its_line_only", V3, |stage| {
        carries(stage, "", &["nonsense 3", "priority 90"], &["192.0.2.10/24"], 90, &[10])
    }),
    Scenario::new("an_unknown_block_is_skipped_whole", V3, |stage| {
        carries(stage, "", UNKNOWN_BLOCK, &["192.0.2.10/24"], 150, &[10])
    })
    .only(Subject::Ours),
    Scenario::new("an_unknown_block_ends_the_instance_of_the_incumbent", &[Flavour::V2], |stage| {
        carries(stage, "", UNKNOWN_BLOCK, &["192.0.2.10/24"], 90, &[])
    })
    .only(Subject::Keepalived),
    Scenario::new("version_3_without_addresses_ends_the_incumbent", V3, ended)
        .only(Subject::Keepalived),
    Scenario::new("continuations_of_a_dropped_definition_are_dropped", V3, dropped_definition)
        .only(Subject::Ours),
    Scenario::new("continuations_of_a_dropped_definition_are_read_by_the_incumbent", V3, |stage| {
        dropped_definition(stage)?;
        stage.lab.node("a")?.expect_log("Unknown keyword 'priority'", Mark::START, START)?;
        Ok(())
    })
    .only(Subject::Keepalived),
    Scenario::new("a_definition_of_several_lines_is_not_replaced_within_a_line", V3, |stage| {
        carries(stage, LINES, &[], &["$M dev eth0", "192.0.2.10/24"], 150, &[10])
    })
    .only(Subject::Keepalived),
    Scenario::new("quotes_in_a_list_belong_to_the_value", V3, |stage| {
        let line = "~LST(i, \"11\", \"12\") 192.0.2.${i}/24";
        carries(stage, "", &[], &[line, "192.0.2.10/24"], 150, &[10])
    })
    .only(Subject::Keepalived),
    Scenario::new("an_undefined_name_is_split_at_its_braces", &[Flavour::V2], |stage| {
        carries(
            stage,
            "",
            &["priority 90", "garp_master_delay ${NONE}"],
            &["192.0.2.10/24"],
            90,
            &[],
        )
    })
    .only(Subject::Keepalived),
    Scenario::new("two_conditions_on_a_line_both_count", V3, |stage| two_conditions(stage, 90))
        .only(Subject::Ours),
    Scenario::new("of_two_conditions_the_incumbent_knows_one", V3, |stage| {
        two_conditions(stage, 150)
    })
    .only(Subject::Keepalived),
];

const V3: &[Flavour] = &[Flavour::V3Ipv4];
const LINES: &str = "$M=\\\n    192.0.2.11/24 \\\n    192.0.2.12/24\n";
const UNKNOWN_BLOCK: &[&str] = &["frobnicate {", "    priority 90", "}"];

/// Starts `a` and looks at its first advert: its priority, and the last bytes of its addresses in 192.0.2.0/24.
fn carries(
    stage: &mut Stage,
    definitions: &str,
    lines: &[&str],
    addresses: &[&str],
    priority: u8,
    last_bytes: &[u8],
) -> Result<()> {
    let mut instance = stage.instance(150).addresses(addresses);
    for line in lines {
        instance = instance.line(line);
    }
    stage.start_with("a", &file(&[definitions], &[instance]))?;
    let within = stage.flavour.down_interval(1) + START;
    let (_, advert) = stage.lab.capture.expect_advert("a", Mark::START, within, |_| true)?;
    ensure!(advert.priority == priority, "priority {}", advert.priority);
    let expected: Vec<String> = last_bytes.iter().map(|n| format!("192.0.2.{n}")).collect();
    let carried: Vec<String> = advert.addresses.iter().map(ToString::to_string).collect();
    ensure!(carried == expected, "carries {carried:?}");
    Ok(())
}

fn ended(stage: &mut Stage) -> Result<()> {
    let instance = stage.instance(150).addresses(&[]);
    stage.start("a", &instance)?;
    let status = stage.lab.node("a")?.wait_for_exit(START)?;
    ensure!(status.code() == Some(2), "{status}");
    stage.lab.node("a")?.expect_log("No VIP specified", Mark::START, START)?;
    Ok(())
}

/// The definition itself is gone either way, so `$M` is no line that anybody knows.
fn dropped_definition(stage: &mut Stage) -> Result<()> {
    let definition = "@nobody $M=\\\n    priority 90 \\\n    garp_master_delay 3\n";
    carries(stage, definition, &["$M"], &["192.0.2.10/24"], 150, &[10])
}

fn two_conditions(stage: &mut Stage, priority: u8) -> Result<()> {
    carries(stage, "", &["@^nobody @^noone priority 90"], &["192.0.2.10/24"], priority, &[10])
}
