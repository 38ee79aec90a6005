#!/usr/bin/env bash
# A SLURM of one node on the loopback interface, for the tests: as root, without systemd, accounting and cgroups.
# Usage: cluster.sh start FOLDER | cluster.sh stop FOLDER; needs Debian's slurm-wlm and munge.
set -euo pipefail
action="$1"
mkdir -p "$2"
folder="$(cd "$2" && pwd)"
host="$(hostname -s)"
etc=/etc/slurm # nowhere else: the executor takes SLURM_CONF out of the environment of a job
mark="# Written by tests/slurm/cluster.sh of dadist."

stop() {
  local name file pid
  for name in slurmd slurmctld munged; do
    [ -s "$folder/$name.pid" ] || continue
    pid="$(cat "$folder/$name.pid")"
    kill "$pid" 2>/dev/null || continue
    # The controller writes its state on the way out.
    for _ in $(seq 60); do kill -0 "$pid" 2>/dev/null || break; sleep 0.5; done
  done
  for file in slurm.conf gres.conf cgroup.conf; do
    if grep -qsxF "$mark" "$etc/$file"; then rm "$etc/$file"; fi
  done
}

# A file of the configuration, from stdin; never over that of a real cluster.
configure() {
  if [ -e "$etc/$1" ] && ! grep -qxF "$mark" "$etc/$1"; then
    echo "$etc/$1: expected no configuration of another SLURM; run these tests on a machine that has none" >&2
    exit 1
  fi
  mkdir -p "$etc"
  { echo "$mark"; cat; } > "$etc/$1"
}

if [ "$action" = stop ]; then
  stop
  exit
fi
[ "$(id -u)" = 0 ] || { echo "expected root, got $(id -un); SLURM's daemons need it, leave these tests out" >&2; exit 1; }

other="$(sed -n 's|^SlurmctldPidFile=||p' "$etc/slurm.conf" 2>/dev/null || true)"
if [ -s "$other" ] && kill -0 "$(cat "$other")" 2>/dev/null; then
  echo "$other: expected no SLURM to run, got one; end that of these tests by cluster.sh stop $(dirname "$other")" >&2
  exit 1
fi

mkdir -p "$folder"/{state,spool}
# What looks like two GPUs to SLURM: character devices that swallow what they get.
for number in 0 1; do [ -e "$folder/gpu$number" ] || mknod "$folder/gpu$number" c 1 3; done
configure gres.conf << END
AutoDetect=off
NodeName=$host Name=gpu File=$folder/gpu[0-1] Flags=nvidia_gpu_env
END
configure cgroup.conf << END
CgroupAutomount=no
END
configure slurm.conf << END
ClusterName=dadist_tests
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CredType=cred/munge
# A requeued job waits for as long as a credential lives: two minutes if nothing is said.
AuthInfo=socket=$folder/munge.socket,cred_expire=10
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/slurmd.log
# As cgroups do on a cluster: what a step leaves behind is killed with it.
ProctrackType=proctrack/pgid
TaskPlugin=task/none
MpiDefault=none
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/linux
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=2,bf_interval=2
# More than the machine has: jobs ask for what the real study needs, and nothing here holds them to it.
SlurmdParameters=config_overrides
ReturnToService=2
# The tests read what jobs that have ended asked for; the default is 300 seconds.
MinJobAge=3600
KillWait=10
GresTypes=gpu
NodeName=$host NodeAddr=127.0.0.1 CPUs=16 RealMemory=64000 Gres=gpu:2 State=UNKNOWN
PartitionName=main Nodes=$host Default=YES MaxTime=INFINITE State=UP
END

[ -s "$folder/munge.key" ] || (umask 077 && head -c 1024 /dev/urandom > "$folder/munge.key")
# --force: the folder may be one that root alone can enter, who is the only client.
munged --force --key-file="$folder/munge.key" --socket="$folder/munge.socket" --pid-file="$folder/munged.pid" \
  --log-file="$folder/munged.log" --seed-file="$folder/munged.seed"
slurmctld
slurmd
for _ in $(seq 60); do
  [ "$(sinfo -h -o %t 2>/dev/null)" != idle ] || exit 0
  sleep 0.5
done
echo "expected an idle node within 30 seconds; slurmctld.log and slurmd.log say why not:" >&2
tail -n 20 "$folder"/slurm*.log >&2
stop
exit 1
