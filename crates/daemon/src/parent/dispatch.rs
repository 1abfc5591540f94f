//! What became readable, and whose it is.

use kernel::eventloop::Token;
use nix::sys::signal::Signal;

use super::inquiry::Asker;
use super::succession::Rehearsal;
use super::{
    ERRANDS, Parent, REAL_TIME, SIGNALS, agent, appointment, control_socket, files, mail,
    processes, programs,
};
use crate::compat::dump::Dump;

impl Parent {
    /// Something is readable.
    pub(super) fn take(&mut self, token: Token) {
        if processes::Processes::owns(token) {
            return self.process_ended(token);
        }
        if programs::Programs::owns(token) {
            self.take_program(token);
            return;
        }
        if mail::Post::owns(token) {
            self.take_mail(token);
            return;
        }
        if agent::Agent::owns(token) {
            return self.take_agent(token);
        }
        if token == files::FILES {
            return self.take_files();
        }
        if token == appointment::APPOINTMENT {
            return self.take_appointment();
        }
        if token == processes::PROCESSES {
            return self.take_processes();
        }
        if token == SIGNALS {
            while let Some(signal) = self.signals.take() {
                self.signalled(signal);
            }
            return;
        }
        if token == REAL_TIME {
            for signal in self.real_time.take() {
                if let Some(dump) = Dump::of_real_time(signal) {
                    self.inquire(Asker::Dump(dump));
                }
            }
            return;
        }
        if token == ERRANDS {
            return self.take_errands();
        }
        if Rehearsal::owns(token) {
            // What it says is heard in this turn.
            return;
        }
        if control_socket::ControlSocket::owns(token) {
            return self.take_control(token);
        }
        let mut give_up = None;
        let mut news = Vec::new();
        self.each_child(|child, context| {
            if child.owns(token) {
                give_up = child.take(token, context, &mut news);
            }
        });
        if let Some(code) = give_up {
            self.stop(code);
        }
        for piece in news {
            self.learn(piece);
        }
    }

    fn signalled(&mut self, signal: Signal) {
        let ends =
            signal == Signal::SIGTERM || signal == Signal::SIGINT && !self.options.ignore_interrupt;
        if ends {
            self.stop(0);
        } else if signal == Signal::SIGHUP {
            self.reload();
        } else if signal == Signal::SIGUSR1 {
            self.inquire(Asker::Dump(Dump::Data));
        } else if signal == Signal::SIGUSR2 {
            self.inquire(Asker::Dump(Dump::Stats));
        }
    }
}
