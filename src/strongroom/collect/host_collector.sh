#!/bin/sh
# Strongroom host collector, format strongroom-host/1.
#
#   sh host_collector.sh > HOSTNAME.txt
#   ssh node1 sh -s < host_collector.sh > node1.txt
#   srun --nodes=64 --ntasks-per-node=1 --output=%N.txt sh host_collector.sh
#   kubectl exec POD -- nsenter -t 1 -m -u -n -i sh -s < host_collector.sh > node1.txt   (privileged, hostPID)
#
# It reads, and writes to standard output only: no file, no network connection, no setting is touched, and no module is
# loaded. Root sees more; without root every item that was refused says so. It never prints environments, keys,
# password hashes, or the arguments of processes; values in /proc/cmdline whose name suggests a secret are masked.
#
# Format: a first line `strongroom-host/1`; then sections, each a line
#     @ NAME STATUS DIGEST DETAIL     STATUS is ok, denied, absent or failed
# followed by its lines, each after one space; last a line `@end COUNT` with the number of sections. DIGEST is the first
# 16 hex digits of SHA-256 over "NAME STATUS DETAIL", a newline, and every line with its newline. All text is printable
# ASCII and tabs; any other byte was replaced with `?`.

set -u
umask 077
LC_ALL=C
PATH="${PATH:-/usr/bin:/bin}:/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/run/current-system/sw/bin"
export LC_ALL PATH
COUNT=0
MOST=20000 # lines of one section
ME=$(id -u 2>/dev/null || echo 65534)
if [ "$ME" = 0 ]; then WHY='permission denied even as root'; else WHY='permission denied: run as root'; fi

have() { command -v "$1" >/dev/null 2>&1; }
clean() { tr -c '\11\12\40-\176' '?'; }

for tool in sha256sum tr sed awk head od sort; do
  have "$tool" || {
    echo "host_collector: $tool is not installed: nothing was collected" >&2
    exit 69
  }
done
if timeout 5 true >/dev/null 2>&1; then limit() { timeout 60 "$@"; }; else limit() { "$@"; }; fi

# ---------------------------------------------------------------- framing

emit() { # NAME STATUS DETAIL BODY
  COUNT=$((COUNT + 1))
  # The detail is one short line; what a program printed on failing can be a page.
  _d=$(printf '%s' "$3" | clean | head -n 1)
  _d=$(printf '%.200s' "$_d")
  _b=
  if [ -n "$4" ]; then _b=$(printf '%s\n' "$4" | clean | head -n "$MOST"); fi
  _h=$({
    printf '%s %s %s\n' "$1" "$2" "$_d"
    if [ -n "$_b" ]; then printf '%s\n' "$_b"; fi
  } | sha256sum)
  printf '@ %s %s %s %s\n' "$1" "$2" "${_h%"${_h#????????????????}"}" "$_d"
  if [ -n "$_b" ]; then printf '%s\n' "$_b" | sed 's/^/ /'; fi
}

# Sets S (ok, denied, absent) and D (why). A path below a folder that may not be entered is denied, not absent.
look() {
  D=
  S=ok
  [ -r "$1" ] && return 0
  S=denied
  D="$1: $WHY"
  [ -e "$1" ] && return 1
  _p=${1%/*}
  while [ -n "$_p" ]; do
    if [ -e "$_p" ]; then
      if [ -d "$_p" ] && [ ! -x "$_p" ]; then
        D="$_p: $WHY"
        return 1
      fi
      break
    fi
    _p=${_p%/*}
  done
  S=absent
  D="$1: no such file"
  return 1
}

# One line `STATUS<tab>PATH<tab>first line of the file or reason` for each path.
values() {
  for _f in "$@"; do
    if look "$_f"; then
      V=
      { IFS= read -r V <"$_f"; } 2>/dev/null || [ -n "$V" ] || cat "$_f" >/dev/null 2>&1 || {
        S=failed
        V="$_f: it cannot be read"
      }
      printf '%s\t%s\t%s\n' "$S" "$_f" "$V"
    else
      printf '%s\t%s\t%s\n' "$S" "$_f" "$D"
    fi
  done
}

# The same for paths that only have to be there; nothing is opened.
presence() {
  for _f in "$@"; do
    look "$_f"
    if [ -e "$_f" ]; then S=ok D=; fi
    printf '%s\t%s\t%s\n' "$S" "$_f" "$D"
  done
}

# Ends a section by how a program ended.
judge_run() { # NAME RC BODY PROGRAM
  case $2 in
    0) emit "$1" ok '' "$3" ;;
    124 | 137 | 143) emit "$1" failed "$4: timed out after 60 seconds" '' ;;
    *)
      case $3 in
        *[Pp]ermission\ denied* | *not\ permitted* | *must\ be\ root* | *nsufficient\ [Pp]ermission*) emit "$1" denied "$4: $WHY" '' ;;
        *) emit "$1" failed "$4: exit status $2: $3" '' ;;
      esac
      ;;
  esac
}

through() { # NAME PATH PROGRAM...: a file as a program shows it
  _n=$1 _f=$2
  shift 2
  look "$_f" || {
    emit "$_n" "$S" "$D" ''
    return
  }
  B=$("$@" 2>&1 <"$_f")
  judge_run "$_n" $? "$B" "$_f"
}
whole() { through "$1" "$2" cat; }

# NAME PATTERN PATH...: the lines of several files that match an extended pattern; no file is absent, one unread denied.
matching() {
  _n=$1 _e=$2 _some='' _refused=''
  shift 2
  for _f in "$@"; do
    if look "$_f"; then _some=1; elif [ "$S" = denied ]; then _refused=$D; fi
  done
  if [ -n "$_refused" ]; then
    emit "$_n" denied "$_refused" ''
  elif [ -z "$_some" ]; then
    emit "$_n" absent "$1: no such file" ''
  else
    emit "$_n" ok '' "$(grep -shiE "$_e" "$@")"
  fi
}

# NAME PROGRAM...: what a program prints. `both` keeps its complaints as well; `only` is for output that must parse.
both() {
  _n=$1
  shift
  if have "$1"; then B=$(limit "$@" 2>&1 </dev/null); judge_run "$_n" $? "$B" "$1"; else missing "$1"; fi
}
only() {
  _n=$1
  shift
  if have "$1"; then B=$(limit "$@" 2>/dev/null </dev/null); judge_run "$_n" $? "$B" "$1"; else missing "$1"; fi
}
missing() { emit "$_n" absent "$1: not installed" ''; }
rooted() { # the same as both, for a program that answers root alone
  if have "$2" && [ "$ME" != 0 ]; then emit "$1" denied "$2: $WHY" ''; else both "$@"; fi
}

# KEY=*** for keys that sound like secrets, and ://***@ for a name and password in an address.
mask() {
  awk '{
    out = ""; rest = $0
    while (match(tolower(rest), /[^ ="]*(pass|pwd|token|secret|key|cred|auth|cookie)[^ ="]*=("[^"]*"?|[^ ]*)/)) {
      hit = substr(rest, RSTART, RLENGTH); sub(/=.*/, "=***", hit)
      out = out substr(rest, 1, RSTART - 1) hit; rest = substr(rest, RSTART + RLENGTH)
    }
    out = out rest; gsub(/:\/\/[^\/@ ]*@/, "://***@", out); print out
  }'
}

# ---------------------------------------------------------------- who, what, when

echo 'strongroom-host/1'
emit collector ok '' "uid $ME
date $(date -u +%Y-%m-%dT%H:%M:%SZ)"

B="hostname $(uname -n)
kernel $(uname -s) $(uname -r) $(uname -m)
build $(uname -v)"
# The machine id is a secret of the machine (machine-id(5)): only a hash with our own prefix leaves it. A golden image
# has an empty file or the word "uninitialized" there, which would be the same id for every copy.
M=
if look /etc/machine-id; then IFS= read -r M </etc/machine-id || D='/etc/machine-id: empty'; fi
case $M in
  ????????????????????????????????) M="machine-id $(printf 'strongroom-host:%s' "$M" | sha256sum | cut -c 1-32)" ;;
  *) M="no-machine-id ${D:-/etc/machine-id: not an id}" ;;
esac
B="$B
$M"
emit identity ok '' "$B"
matching os-release '^(PRETTY_NAME|ID|VERSION_ID)=' /etc/os-release

B=$(systemd-detect-virt -v 2>/dev/null) && B="vm $B" || B="vm ${B:-not-asked}"
C=$(systemd-detect-virt -c 2>/dev/null) && C="container $C" || C="container ${C:-not-asked}"
E=$(systemd-detect-virt --cvm 2>/dev/null) && E="cvm $E" || E="cvm ${E:-not-asked}"
emit virtualisation ok '' "$B
$C
$E
$(presence /.dockerenv /run/.containerenv /run/systemd/container)"

# A container often hides /sys/firmware behind an empty folder; then nothing in it says anything about the machine.
B=$(ls -A /sys/firmware 2>/dev/null)
if [ -n "$B" ]; then emit firmware ok '' "$B"; else emit firmware absent '/sys/firmware: empty or hidden' ''; fi

emit values ok '' "$({
  values /sys/class/dmi/id/sys_vendor /sys/class/dmi/id/product_name /sys/class/dmi/id/product_serial \
    /sys/class/dmi/id/product_uuid /sys/class/dmi/id/bios_vendor /sys/class/dmi/id/bios_version \
    /sys/class/dmi/id/bios_date /sys/class/dmi/id/chassis_serial /sys/class/dmi/id/board_serial
  values /sys/module/kvm_amd/parameters/sev /sys/module/kvm_amd/parameters/sev_es \
    /sys/module/kvm_amd/parameters/sev_snp /sys/module/kvm_intel/parameters/tdx /sys/module/kvm_intel/parameters/sgx
  values /sys/devices/system/cpu/sev/vmpl /sys/devices/system/cpu/smt/active /sys/devices/system/cpu/smt/control
  values /sys/kernel/security/lockdown /sys/module/module/parameters/sig_enforce
  values /proc/sys/kernel/tainted /proc/sys/kernel/core_pattern /proc/sys/kernel/core_uses_pid \
    /proc/sys/kernel/perf_event_paranoid /proc/sys/kernel/kexec_load_disabled /proc/sys/kernel/dmesg_restrict \
    /proc/sys/kernel/kptr_restrict /proc/sys/kernel/unprivileged_bpf_disabled /proc/sys/kernel/yama/ptrace_scope \
    /proc/sys/kernel/modules_disabled /proc/sys/fs/suid_dumpable /proc/sys/kernel/randomize_va_space
  values /sys/kernel/kexec_crash_loaded /sys/power/state
  values /sys/class/tpm/tpm0/tpm_version_major /sys/class/tpm/tpm0/pcr-sha256/0
  values /sys/module/nvidia/version /sys/module/amdgpu/version
  for f in /sys/devices/system/cpu/vulnerabilities/* /sys/devices/platform/ipmi_bmc*/firmware_revision \
    /sys/bus/usb/devices/usb*/authorized_default /sys/class/drm/card*/device/enforce_isolation \
    /sys/class/drm/card*/device/vbios_version /sys/class/drm/card*/device/unique_id \
    /sys/class/drm/card*/device/product_name; do
    case $f in *\**) ;; *) values "$f" ;; esac
  done
})"
# Which graphics card is which PCI device.
emit drm ok '' "$(for d in /sys/class/drm/card[0-9]*; do
  case $d in *-* | *\**) ;; *) l=$(readlink "$d/device") && echo "${d##*/} ${l##*/}" ;; esac
done)"
emit presence ok '' "$(presence /sys/firmware/efi /sys/firmware/efi/efivars /sys/class/tpm/tpm0 \
  /sys/kernel/security/tpm0/binary_bios_measurements /sys/kernel/config/tsm/report /dev/sev /dev/sev-guest \
  /dev/tdx_guest /dev/sgx_enclave /dev/nsm /dev/nvidiactl /dev/ipmi0 /proc/driver/nvidia /sys/bus/pci/devices \
  /sys/devices/system/cpu/vulnerabilities /sys/class/net)"

through cpu /proc/cpuinfo awk 'NF == 0 { exit } { print }'
through cmdline /proc/cmdline mask

# UEFI variables: 4 bytes of attributes, then the value (UEFI 2.10 §8.2); PK is read for known test keys.
for v in SecureBoot SetupMode PK; do
  through "efi:$v" "/sys/firmware/efi/efivars/$v-8be4df61-93ca-11d2-aa0d-00e098032b8c" od -An -v -tx1
done

# ---------------------------------------------------------------- devices

# One line per accelerator, display or network device: address class vendor device driver IOMMU-domain virtual-function.
if [ -d /sys/bus/pci/devices ]; then
  emit pci ok '' "$(
    for d in /sys/bus/pci/devices/*; do
      { read -r class <"$d/class" && read -r vendor <"$d/vendor" && read -r device <"$d/device"; } 2>/dev/null || continue
      case $class in 0x03* | 0x12* | 0x02*) ;; *) continue ;; esac
      driver=- domain=- vf=-
      [ -e "$d/driver" ] && driver=$(readlink "$d/driver") && driver=${driver##*/}
      if [ -e "$d/iommu_group" ]; then { read -r domain <"$d/iommu_group/type"; } 2>/dev/null || domain='?'; fi
      [ -e "$d/physfn" ] && vf=vf
      echo "${d##*/} $class $vendor $device $driver $domain $vf"
    done
  )"
else
  emit pci absent '/sys/bus/pci/devices: no such file' ''
fi
set -- /sys/kernel/iommu_groups/*
[ -e "$1" ] || shift
B="groups $#"
if look /sys/kernel/iommu_groups; then emit iommu ok '' "$B"; else emit iommu "$S" "$D" ''; fi

for d in /sys/class/net/*; do
  if [ ! -e "$d/device" ] || [ -e "$d/device/physfn" ]; then continue; fi
  n=${d##*/}
  pci=$(readlink "$d/device") || pci=
  B="pci ${pci##*/}
$(values "$d/address" "$d/operstate" "$d/device/vendor" "$d/device/device")"
  if have ethtool; then
    B="$B
$(limit ethtool -i "$n" 2>/dev/null | sed -n 's/^\(driver\|firmware-version\|version\): /\1 /p')"
  else
    l=$(readlink "$d/device/driver") && B="$B
driver ${l##*/}"
    B="$B
no-ethtool ethtool: not installed"
  fi
  emit "net:$n" ok '' "$B"
done
for d in /sys/class/infiniband/*; do
  [ -e "$d" ] || continue
  pci=$(readlink "$d/device") || pci=
  emit "ib:${d##*/}" ok '' "pci ${pci##*/}
$(values "$d/fw_ver" "$d/hca_type" "$d/board_id" "$d/node_guid" "$d/ports/1/link_layer" "$d/ports/1/state")
pkeys $(cat "$d"/ports/*/pkeys/* 2>/dev/null | sort -u | tr '\n' ' ')"
done

if have lsblk; then
  B=$(limit lsblk -J -b -o NAME,KNAME,TYPE,FSTYPE,SIZE,RM,MOUNTPOINT,MODEL,SERIAL,PARTTYPE 2>/dev/null) ||
    B=$(limit lsblk -J -b -o NAME,KNAME,TYPE,FSTYPE,SIZE,RM,MOUNTPOINT,MODEL,SERIAL 2>/dev/null)
  judge_run lsblk $? "$B" lsblk
else
  emit lsblk absent 'lsblk: not installed' ''
fi
whole swaps /proc/swaps
# Source, mount point and type only: options of network file systems can hold credentials.
# shellcheck disable=SC2016 # the dollars are awk's
through mounts /proc/self/mounts awk '{ gsub(/:[^:@\/]*@/, ":***@", $1); print $1, $2, $3 }'

# ---------------------------------------------------------------- accelerators

whole nvidia-version /proc/driver/nvidia/version
whole nvidia-params /proc/driver/nvidia/params
for f in /proc/driver/nvidia/gpus/*/information; do
  [ -e "$f" ] || continue
  d=${f%/information} && whole "nvidia-gpu:${d##*/}" "$f"
done
# nvidia-smi loads the module when it is missing; that would change the machine, so it runs only with a loaded driver.
if [ -e /proc/driver/nvidia/version ]; then
  if have nvidia-smi; then
    B=$(limit nvidia-smi -q -x 2>/dev/null </dev/null); R=$?
    if [ "$R" = 0 ]; then B=$(printf '%s\n' "$B" | sed -e '/<supported_graphics_clock>/d' -e '/<process_name>/d')
    else B=$(printf '%s' "$B" | tr '\n' ' '); fi # where driver and library differ, its second line names the library
    judge_run nvidia-smi "$R" "$B" nvidia-smi
    both nvidia-smi-version nvidia-smi --version
  else missing nvidia-smi; fi
  both nvidia-cc nvidia-smi conf-compute -q
  both nvidia-cc-devtools nvidia-smi conf-compute -d
fi
if [ -d /sys/module/nvidia ] || [ -e /proc/driver/nvidia ]; then
  only nvidia-modinfo modinfo nvidia
  matching nvidia-modprobe '^[[:space:]]*options[[:space:]]+nvidia' /etc/modprobe.d/*.conf /usr/lib/modprobe.d/*.conf
fi
if have nvidia-ctk; then both nvidia-toolkit nvidia-ctk --version; else both nvidia-toolkit nvidia-container-cli --version; fi
matching nvidia-toolkit-config '^[[:space:]]*(accept-nvidia-visible-devices|no-cgroups|mode)[a-z-]*[[:space:]]*=' \
  /etc/nvidia-container-runtime/config.toml /usr/local/nvidia/toolkit/.config/nvidia-container-runtime/config.toml
# What nvidia-bug-report.sh leaves where it is run: names only.
B=$(ls -d /nvidia-bug-report* /root/nvidia-bug-report* /tmp/nvidia-bug-report* /var/tmp/nvidia-bug-report* \
  /var/log/nvidia-bug-report* /home/*/nvidia-bug-report* 2>/dev/null)
if [ -n "$B" ] || [ "$ME" = 0 ]; then emit nvidia-bug-reports ok '' "$B"; else emit nvidia-bug-reports denied "/root: $WHY" ''; fi
matching cuda-dumps '^[^#]*CUDA_(ENABLE_COREDUMP_ON_EXCEPTION|ENABLE_USER_TRIGGERED_COREDUMP|COREDUMP_FILE)=' \
  /etc/environment /etc/profile.d/*.sh /etc/security/pam_env.conf

# ---------------------------------------------------------------- access and watching

rooted sshd sshd -T
# What Match blocks set: sshd -T shows the settings outside of them.
# shellcheck disable=SC2016 # the dollars are awk's
B='{ sub(/^[ \t]+/, ""); gsub(/[ \t]*=[ \t]*/, " "); k = tolower($1) }
  k == "match" { m = $0; next }
  m != "" && k ~ /^(permitrootlogin|passwordauthentication|kbdinteractiveauthentication|challengeresponseauthentication|permitemptypasswords|allowtcpforwarding|allowagentforwarding|allowstreamlocalforwarding|permittunnel|x11forwarding)$/ { print k, $2, m }'
C='' E=''
for f in /etc/ssh/sshd_config /etc/ssh/sshd_config.d/*.conf; do
  if look "$f"; then
    C="$C$(awk "$B" "$f")
"
  elif [ "$S" = denied ]; then E=$D; fi
done
if [ -n "$E" ]; then emit sshd-match denied "$E" ''; else emit sshd-match ok '' "$C"; fi
# shellcheck disable=SC2016 # the dollar is awk's
through uid0 /etc/passwd awk -F: '$3 == 0 { print $1 }'
rooted audit-status auditctl -s
rooted audit-rules auditctl -l

# Names of running programs, never their arguments.
B=$(for f in /proc/[0-9]*/comm; do { read -r c <"$f" && echo "$c"; } 2>/dev/null; done | grep -v / | sort -u)
if [ -r /proc/1/comm ]; then emit processes ok '' "$B"; else emit processes denied "/proc/1/comm: $WHY" ''; fi
only timedatectl timedatectl show -p NTPSynchronized -p NTP
if have busybox; then only adjtimex busybox adjtimex; else only adjtimex adjtimex --print; fi
B='^[[:space:]]*(path|ssh|nfs|raw|dracut_args|ext4|xfs|btrfs|KDUMP_COREDIR|KDUMP_REMOTE|SSH|NFS)[[:space:]=]'
matching kdump-config "$B" /etc/kdump.conf /etc/default/kdump-tools /etc/sysconfig/kdump
matching coredump-config '^[[:space:]]*(Storage|ProcessSizeMax)[[:space:]]*=' /usr/lib/systemd/coredump.conf \
  /etc/systemd/coredump.conf /usr/lib/systemd/coredump.conf.d/*.conf /etc/systemd/coredump.conf.d/*.conf
emit listeners ok '' "$(awk '$4 == "0A" { print $2 }' /proc/net/tcp /proc/net/tcp6 2>/dev/null | sort -u)"

B='^[[:space:]]*(GresTypes|TaskPlugin|ProctrackType|JobSubmitPlugins|Prolog|Epilog|PrologFlags|SelectType)[[:space:]]*='
matching slurm-config "$B" /etc/slurm/slurm.conf /etc/slurm-llnl/slurm.conf /run/slurm/conf/slurm.conf
matching slurm-cgroup '^[[:space:]]*Constrain' /etc/slurm/cgroup.conf /etc/slurm-llnl/cgroup.conf /run/slurm/conf/cgroup.conf
matching slurm-gres '^[^#]*Name[[:space:]]*=' /etc/slurm/gres.conf /etc/slurm-llnl/gres.conf /run/slurm/conf/gres.conf

# The three settings of the kubelet that matter, from YAML or JSON; after `anonymous` comes its `enabled`.
C='' E=''
for f in /var/lib/kubelet/config.yaml /etc/kubernetes/kubelet/kubelet-config.json /etc/kubernetes/kubelet/config.json \
  /home/kubernetes/kubelet-config.yaml; do
  if look "$f"; then
    C="file $f
$(sed 's/[,{]/\
/g' "$f" | grep -E '^[[:space:]]*"?(readOnlyPort|anonymous|webhook|enabled|mode)"?[[:space:]]*:')"
  elif [ "$S" = denied ]; then E=$D; fi
done
if [ -n "$C" ]; then emit kubelet-config ok '' "$C"; elif [ -n "$E" ]; then emit kubelet-config denied "$E" ''
else emit kubelet-config absent '/var/lib/kubelet/config.yaml: no such file' ''; fi
flags() { tr '\0' '\n' | sed -n '/^--anonymous-auth/p; /^--read-only-port/p; /^--config=/p'; }
for f in /proc/[0-9]*/comm; do
  { read -r c <"$f"; } 2>/dev/null || continue
  [ "$c" = kubelet ] || continue
  through kubelet-flags "${f%comm}cmdline" flags
  break
done

echo "@end $COUNT"
