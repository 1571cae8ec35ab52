//! Makes a watch: turns the settings into a plan under the limits of this system, and reports what will not work.

use super::super::appetite::Clients;
use super::super::counted::Counted;
use super::super::crowd::Crowd;
use super::super::error::StartError;
use super::super::folder::Folder;
use super::super::heap::Heap;
use super::super::ladder::{Ladder, Policy};
use super::super::limits::COOL_DOWN;
use super::super::notice::WatchNotices;
use super::super::plan::{Bounds, Plan, Rungs};
use super::super::retention::{self, Retention};
use super::super::settings::Builder;
use super::super::snapshot::SnapshotWriter;
use super::super::stats::SharedStats;
use super::super::survey::{Facts, file_bytes_max};
use super::super::system::{Scratch, System};
use super::{MemoryReading, SignalState, Tidying, Watch};
use std::io;
use std::time::Duration;

impl Builder {
    /// Checks every setting and makes a watch that you run yourself. Something that
    /// does not work at present, such as a folder that snapshots cannot be written
    /// to, is not an error but a notice: it may be fixed while the service runs.
    ///
    /// # Errors
    /// [`StartError`] says which setting is wrong and what to do, or that the memory of this process cannot be read.
    ///
    /// # Blocking
    /// For the time it takes to read some files of `/proc` and try to write to the folder.
    pub fn build(mut self) -> Result<Watch, StartError> {
        self.check()?;
        self.make_absolute()?;
        let (system, mut scratch) = (System::below(&self.system_root), Scratch::new());
        let counts = system.countable(self.counts, &mut scratch);
        let memory = system.memory(counts, &mut scratch).map_err(StartError::Unreadable)?;
        let surroundings = system.surroundings(&mut scratch);
        // What is left in the group, plus what this process already has.
        let room = surroundings.group.fullest.map(|fill| fill.headroom().saturating_add(memory.counted));
        let bounds = Bounds { group: surroundings.group.limit, machine: surroundings.machine, room };
        let plan = self.plan(bounds)?;
        let follows_limit = matches!(plan.rungs, Rungs::Toward { .. });
        let policy = Policy {
            rungs: plan.rungs,
            warning: plan.warning,
            rearm_below: plan.rearm_below,
            rearm_after: self.rearm_after,
            spacing: self.cool_down.unwrap_or(if follows_limit { Duration::ZERO } else { COOL_DOWN }),
            cool_down: self.cool_down.unwrap_or(COOL_DOWN),
            per_hour_max: self.snapshots_per_hour_max,
        };
        let mut watch = Watch {
            folder: self.folder,
            clients: Clients::new(self.clients, self.appetite),
            appetite_from: plan.appetite_from,
            hook: self.hook,
            interval: self.interval,
            signal: self.signal,
            hearing: SignalState::None,
            retention: Retention { files_max: self.retained_files_max, bytes_max: self.retained_bytes_max },
            per_hour_max: self.snapshots_per_hour_max,
            disk_free_min: self.disk_free_min,
            headroom_min: plan.headroom_min,
            notices: WatchNotices { service: self.service },
            counts,
            ladder: Ladder::new(policy),
            crowd: Crowd::default(),
            began: None,
            in_use: memory.counted,
            seen: SharedStats::of(memory.resident, memory.counted, plan.rungs.first()),
            looked_around: None,
            reading: MemoryReading::Possible,
            tidying: Tidying::Done,
            system,
            scratch,
            writer: SnapshotWriter::new(Heap::look()),
        };
        let (first, now) = (plan.rungs.first(), watch.now(memory));
        let (next, heap) = (plan.rungs.after(first, first), watch.writer.heap.as_str());
        watch.notices.started(now, counts, next, surroundings.limit(), heap);
        watch.survey(self.counts, &plan);
        Ok(watch)
    }
}

impl Watch {
    /// Reports what will not work, and removes the files of a process that was killed while it was writing.
    fn survey(&mut self, wanted: Counted, plan: &Plan) {
        let folder = Folder::open(&self.folder).and_then(|folder| {
            folder.has_room(self.disk_free_min)?;
            folder.takes(self.writer.trial(&self.notices.service))?;
            Ok(folder)
        });
        let facts = Facts {
            wanted,
            counts: self.counts,
            sight: self.system.cgroup.sight(),
            shortfall: plan.shortfall,
            asleep: self.writer.heap.is_asleep(),
            free: folder.as_ref().ok().and_then(Folder::free),
            disk_free_min: self.disk_free_min,
            file_bytes_max: self.scratch.read(&self.system.limits).ok().and_then(file_bytes_max),
        };
        if let (Heap::Unavailable(why), true) = (&self.writer.heap, cfg!(feature = "memory-watch-jemalloc")) {
            self.notices.no_heap_profiles(why);
        }
        match &folder {
            Err(error) => self.notices.folder_refused(error),
            Ok(folder) => {
                if let Err(errno) = retention::sweep(folder, &self.notices.service) {
                    self.notices.untidy(&io::Error::from(errno));
                }
            }
        }
        for finding in facts.findings() {
            self.notices.finding(&finding);
        }
    }
}
