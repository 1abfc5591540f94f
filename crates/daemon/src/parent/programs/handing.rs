//! Handing programs on to another program that takes this process over: what runs goes on, what waits is not forgotten.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;

use clock::Instant;
use config::model::Script;
use control::{ScriptWatch, Severity, Subject};
use kernel::process::{Child, Ended, Identity, Program};

use super::super::Parent;
use super::super::succession::{LeftPipe, LeftProgram, LeftScript, Luggage, Waiting};
use super::pipe::Pipe;
use super::tracked::{Tracked, times};
use super::{Programs, Purpose};

type Left =
    (Vec<LeftProgram>, Vec<(Subject, Vec<Waiting>)>, Vec<LeftPipe>, BTreeMap<String, LeftScript>);

impl Programs {
    /// What another program needs to go on with all of them.
    pub(in super::super) fn leave(&self, luggage: &mut Luggage) -> Left {
        let running = self.running.values().map(|running| LeftProgram {
            pid: running.child.pid(),
            purpose: serde_json::to_value(&running.purpose).unwrap_or_default(),
            until: running.until.map(Instant::as_nanos),
        });
        let queue = self.queue.waiting().map(|(subject, waiting)| {
            (subject.clone(), waiting.map(written).collect::<Vec<Waiting>>())
        });
        let pipes = self.pipes.iter().filter_map(|pipe| {
            Some(LeftPipe {
                path: pipe.path.to_str()?.to_owned(),
                descriptor: luggage.add(&pipe.file)?,
                is_ours: pipe.is_ours,
                lost: pipe.lost,
            })
        });
        let scripts = self.tracked.iter().map(|(name, script)| {
            let last = script.last.map(|ended| match ended {
                Ended::Exited(code) => code,
                Ended::Signalled(signal) => signal.saturating_neg(),
            });
            (name.clone(), LeftScript { memory: script.watch.memory(), last })
        });
        (running.collect(), queue.collect(), pipes.collect(), scripts.collect())
    }
}

impl Parent {
    /// Goes on with what the program before has left.
    pub(in super::super) fn take_over_programs(
        &mut self,
        running: Vec<LeftProgram>,
        queue: Vec<(Subject, Vec<Waiting>)>,
        pipes: Vec<LeftPipe>,
        scripts: BTreeMap<String, LeftScript>,
    ) {
        self.programs.left = scripts;
        for left in pipes {
            if let Some(file) = kernel::inherited(left.descriptor).map(File::from) {
                let LeftPipe { path, is_ours, lost, .. } = left;
                let hears = BTreeSet::new();
                self.programs.pipes.push(Pipe { path: path.into(), file, is_ours, lost, hears });
            }
        }
        let mut idle: Vec<Subject> = Vec::new();
        for (subject, waiting) in queue {
            self.programs.queue.restore(subject.clone(), waiting.into_iter().map(read));
            idle.push(subject);
        }
        for left in running {
            let purpose = match serde_json::from_value(left.purpose) {
                // Whoever asked for it has ended.
                Ok(Purpose::Checked(..)) | Err(_) => Purpose::Forgotten,
                Ok(purpose) => purpose,
            };
            let until = left.until.map(Instant::from_nanos);
            let adopted = Child::adopt(left.pid).map_err(|error| error.to_string());
            match adopted.and_then(|child| self.watch_program(child, purpose.clone(), until)) {
                Ok(()) => idle.retain(|subject| Purpose::Told(subject.clone()) != purpose),
                Err(why) => {
                    let text = format!("process {} is not watched any more: {why}", left.pid);
                    self.log(Severity::Warning, &text);
                    if let Purpose::Tracked(name) = purpose {
                        self.programs.left.remove(&name);
                    }
                }
            }
        }
        // Whatever they waited for is gone.
        for subject in idle {
            if let Some(program) = self.programs.queue.next(&subject) {
                self.tell_program(&subject, &program);
            }
        }
    }

    /// A script that a program before this one tracked, as it stood.
    pub(super) fn left_script(&mut self, script: &Script, program: Option<Program>) -> Tracked {
        let LeftScript { memory, last } =
            self.programs.left.remove(&script.name).unwrap_or_default();
        let watch = ScriptWatch::resume(times(script), memory);
        let last =
            last.map(|last| if last < 0 { Ended::Signalled(-last) } else { Ended::Exited(last) });
        Tracked { watch, program, last }
    }
}

fn written(program: &Program) -> Waiting {
    Waiting {
        path: program.path.display().to_string(),
        arguments: program.arguments.iter().map(|it| it.to_string_lossy().into_owned()).collect(),
        identity: program.identity.map(|it| (it.uid, it.gid)),
        groups: program.groups.clone(),
    }
}

fn read(waiting: Waiting) -> Program {
    Program {
        path: waiting.path.into(),
        arguments: waiting.arguments.into_iter().map(Into::into).collect(),
        identity: waiting.identity.map(|(uid, gid)| Identity { uid, gid }),
        groups: waiting.groups,
        outlives_us: true,
    }
}
