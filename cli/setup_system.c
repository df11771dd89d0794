/* nono setup: program, platform, and the layers of the sandbox. */
#include <fcntl.h>
#include <openssl/opensslv.h>
#include <seccomp.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <uv.h>

#include "cli/setup.h"

#define MAGIC_CGROUP2 0x63677270

static bool exists(const char *path)
{
	return access(path, F_OK) == 0;
}

static bool in_container(void)
{
	return exists("/.dockerenv") || exists("/run/.containerenv") || getenv("container");
}

static long setting(const char *path)
{
	_cleanup_free_ char *text = file_read(path, 64, NULL, NULL);
	char *end;
	long v;

	if (!text)
		return -1;
	v = strtol(text, &end, 10);
	return end == text ? -1 : v;
}

/* ---- program, platform --------------------------------------------------------------------- */

void setup_program(struct setup_report *r)
{
	const struct scmp_version *seccomp = seccomp_version();
	char path[4096];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	setup_add(r, SETUP_OK, "Version", NULL, NONO_VERSION);
	path[n > 0 ? n : 0] = '\0';
	setup_add(r, SETUP_OK, "Binary", NULL, "%.900s", path);
	setup_add(r, SETUP_OK, "Libraries", NULL, "libseccomp %u.%u.%u, libuv %s, cJSON %s, %s",
		  seccomp ? seccomp->major : 0, seccomp ? seccomp->minor : 0,
		  seccomp ? seccomp->micro : 0, uv_version_string(), cJSON_Version(),
		  OPENSSL_VERSION_TEXT)
	    ->detail = true;
}

static char *os_name(void)
{
	_cleanup_free_ char *text = file_read("/etc/os-release", 65536, NULL, NULL);
	char *p = text ? strstr(text, "PRETTY_NAME=") : NULL, *save = NULL;

	if (!p)
		return xstrdup("Linux");
	p = strtok_r(p + strlen("PRETTY_NAME="), "\"\n", &save);
	return xstrdup(p ? p : "Linux");
}

void setup_platform(struct setup_report *r)
{
	_cleanup_free_ char *name = os_name();
	struct utsname u;

	if (uname(&u) < 0)
		memset(&u, 0, sizeof(u));
	setup_add(r, SETUP_OK, "Platform", NULL, "%.200s, %s%s%s", name, u.machine,
		  in_container() ? ", in a container" : "",
		  session_inside() ? ", inside of a nono session" : "");
	setup_add(r, SETUP_OK, "Kernel", NULL, "%s", u.release);
	if (strcasestr(u.release, "microsoft"))
		setup_add(r, SETUP_WEAK, "WSL", NULL,
			  "files of Windows (/mnt/c) have no rights of Linux: work in the Linux "
			  "file system");
}

/* ---- Landlock, seccomp --------------------------------------------------------------------- */

static void add_landlock(struct setup_report *r, int abi)
{
	static const char *const since[] = {
	    "files", "moving between folders", "truncating",
	    "TCP",   "ioctl of devices",       "signals and abstract sockets",
	};
	_cleanup_(buf_free) struct buf has = {0}, lacks = {0};

	for (size_t i = 0; i < ARRAY_LEN(since); i++) {
		struct buf *b = (int)i < abi ? &has : &lacks;
		buf_addf(b, "%s%s", b->len ? ", " : "", since[i]);
	}
	if (!abi) {
		_cleanup_free_ char *lsm = file_read("/sys/kernel/security/lsm", 4096, NULL, NULL);
		char *fix =
		    lsm ? xasprintf("put lsm=landlock,%s on the kernel's command line (GRUB: "
				    "GRUB_CMDLINE_LINUX in /etc/default/grub, then sudo "
				    "update-grub) and boot",
				    lsm)
			: xstrdup("boot a kernel of Linux 5.13 or later with "
				  "CONFIG_SECURITY_LANDLOCK=y and lsm=landlock,...");
		setup_add(r, SETUP_BAD, "Landlock", fix,
			  "not there, or switched off: nothing runs without it");
		return;
	}
	setup_add(r, lacks.len ? SETUP_WEAK : SETUP_OK, "Landlock", NULL, "ABI %d: %s%s%s%s", abi,
		  has.data, lacks.len ? "; a newer kernel would also hold: " : "",
		  lacks.len ? lacks.data : "", abi < 4 ? " (TCP is refused by other layers)" : "");
}

void setup_sandbox(struct setup_report *r, const struct nono_probe *p)
{
	add_landlock(r, p->landlock_abi);
	if (p->confines)
		setup_add(r, SETUP_OK, "Confinement", NULL,
			  "tried: a child read what was granted, and nothing else");
	else
		setup_add(r, SETUP_BAD, "Confinement", NULL, "%s", p->confines_why);
	if (!p->notify) {
		setup_add(r, SETUP_BAD, "Supervision", NULL, "%s", p->notify_why);
		return;
	}
	setup_add(r, SETUP_OK, "Supervision", NULL, "seccomp user notification");
	if (!p->wait_killable)
		setup_add(r, SETUP_WEAK, "Signals", NULL,
			  "calls that wait are disturbed by signals before Linux 5.19");
	if (!p->addfd_send)
		setup_add(r, SETUP_BAD, "Descriptors", NULL,
			  "handing over descriptors takes Linux 5.14");
	setup_add(r, SETUP_OK, "Wake-up", NULL,
		  p->sync_wake ? "on the same processor"
			       : "any processor (slower, before Linux 6.6)")
	    ->detail = true;
}

/* ---- namespaces ----------------------------------------------------------------------------- */

static char *namespaces_fix(void)
{
	static const struct {
		const char *path;
		long bad;
		const char *fix;
	} settings[] = {
	    {"/proc/sys/kernel/apparmor_restrict_unprivileged_userns", 1,
	     "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"},
	    {"/proc/sys/kernel/unprivileged_userns_clone", 0,
	     "sudo sysctl -w kernel.unprivileged_userns_clone=1"},
	    {"/proc/sys/user/max_user_namespaces", 0,
	     "sudo sysctl -w user.max_user_namespaces=15000"},
	    {"/proc/sys/user/max_mnt_namespaces", 0,
	     "sudo sysctl -w user.max_mnt_namespaces=15000"},
	    {"/proc/sys/user/max_pid_namespaces", 0,
	     "sudo sysctl -w user.max_pid_namespaces=15000"},
	    {"/proc/sys/user/max_net_namespaces", 0,
	     "sudo sysctl -w user.max_net_namespaces=15000"},
	    {"/proc/sys/user/max_ipc_namespaces", 0,
	     "sudo sysctl -w user.max_ipc_namespaces=15000"},
	};

	if (session_inside())
		return NULL; /* the session's doing */
	for (size_t i = 0; i < ARRAY_LEN(settings); i++)
		if (setting(settings[i].path) == settings[i].bad)
			return xasprintf("%s (a line in /etc/sysctl.d keeps it)", settings[i].fix);
	if (in_container())
		return xstrdup("docker run --security-opt seccomp=unconfined --security-opt "
			       "apparmor=unconfined ...");
	return NULL;
}

void setup_namespaces(struct setup_report *r, const struct nono_probe *p)
{
	const struct nono_layers *l = &p->layers;

	if (!p->namespaces) {
		setup_add(r, SETUP_WEAK, "Namespaces", namespaces_fix(), "none: %s",
			  p->namespaces_why);
		setup_add(
		    r, SETUP_OK, "Without them", NULL,
		    "no private /tmp, processes outside can be listed, --block-net is held by "
		    "the other layers");
		return;
	}
	setup_add(r, l->pid_ns ? SETUP_OK : SETUP_WEAK, "Namespaces", NULL, "%s%s%s%s%s%s",
		  l->user_ns ? "user, " : "", l->mount_ns ? "mount" : "", l->pid_ns ? ", pid" : "",
		  l->ipc_ns ? ", ipc" : "", l->net_ns ? ", net" : "",
		  l->pid_ns ? "" : "; no pid namespace: the kernel allows no new /proc here");
}

/* ---- limits -----------------------------------------------------------------------------------
 */

/* For what the limits of who can't make groups would take. */
static char *limits_fix(void)
{
	struct statfs fs;

	if (session_inside())
		return NULL;
	if (geteuid() == 0)
		return in_container() ? xstrdup("mount /sys/fs/cgroup writable in the container "
						"(docker run --privileged, or --cgroupns=host "
						"-v /sys/fs/cgroup:/sys/fs/cgroup:rw)")
				      : NULL;
	if (statfs("/sys/fs/cgroup", &fs) == 0 && fs.f_type == MAGIC_CGROUP2) {
		if (exists("/run/systemd/system"))
			return xstrdup("sudo mkdir -p /etc/systemd/system/user@.service.d; printf "
				       "'[Service]\\nDelegate=cpu memory pids\\n' | sudo tee "
				       "/etc/systemd/system/user@.service.d/nono.conf; sudo "
				       "systemctl daemon-reload; log in again; then: systemd-run "
				       "--user --scope -p Delegate=yes nono run ...");
		return xasprintf(
		    "sudo sh -c 'cd /sys/fs/cgroup && echo \"+cpu +memory +pids\" "
		    "> cgroup.subtree_control && mkdir -p nono-%u/shell && echo \"+cpu "
		    "+memory +pids\" > nono-%u/cgroup.subtree_control && chown -R %u "
		    "nono-%u && echo %d > nono-%u/shell/cgroup.procs'",
		    getuid(), getuid(), getuid(), getuid(), getppid(), getuid());
	}
	return xasprintf(
	    "sudo sh -c 'for c in memory pids cpu; do d=/sys/fs/cgroup/$c/nono-%u; mkdir "
	    "-p $d && chown -R %u $d && echo %d > $d/cgroup.procs; done' (for the "
	    "shell you are in)",
	    getuid(), getuid(), getppid());
}

void setup_limits(struct setup_report *r)
{
	static const struct {
		const char *name, *instead;
	} kinds[NONO_LIMITS] = {
	    [NONO_LIMIT_MEMORY] = {"Memory", "the supervisor's own looks instead"},
	    [NONO_LIMIT_PROCESSES] = {"Processes",
				      "the kernel's count in the user namespace or the "
				      "supervisor's own looks instead"},
	    [NONO_LIMIT_CPU] = {"Processors", "--cpu is refused"},
	};
	const struct nono_limits all = {.memory = 64 << 20, .processes = 64, .cpu = 1000};
	struct nono_groups g;
	bool said = false;
	char name[64];

	snprintf(name, sizeof(name), "nono-setup-%d", getpid());
	nono_groups_make(&all, name, &g);
	for (int i = 0; i < NONO_LIMITS; i++) {
		const struct nono_group *one = &g.of[i];

		if (one->held) {
			setup_add(r, SETUP_OK, kinds[i].name, NULL, "cgroup v%d",
				  one->held == NONO_HELD_CGROUP2 ? 2 : 1);
			continue;
		}
		setup_add(r, SETUP_WEAK, kinds[i].name, said ? NULL : limits_fix(),
			  "no control group (%s): %s", one->why, kinds[i].instead);
		said = true;
	}
	for (int i = 0; i < NONO_LIMITS; i++)
		if (g.of[i].held)
			nono_group_remove(g.of[i].path);
	setup_add(r, SETUP_OK, "Time", NULL, "the supervisor's timer");
}
