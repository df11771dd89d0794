/* What a session is doing. */
#include <fcntl.h>

#include "sessions/activity.h"
#include "sessions/tree.h"

#define QUIET_NS    (1500 * 1000000ull) /* no output, no processor time: idle */
#define ECHO_NS	    (250 * 1000000ull)	/* output that soon after a key is its echo */
#define STARTING_NS (3000 * 1000000ull)

const char *session_activity_name(enum session_activity a)
{
	static const char *const names[] = {"starting", "working", "waiting",
					    "asks",	"idle",	   "exited"};

	return names[a];
}

/* ---- words --------------------------------------------------------------------- */

static bool from_program_state(const struct pty_report *r, enum session_activity *out, char *ev,
			       size_t size)
{
	static const struct {
		enum pty_program_state state;
		enum session_activity activity;
		const char *word;
	} table[] = {
	    {PTY_STATE_IDLE, ACTIVITY_IDLE, "idle"},
	    {PTY_STATE_WORKING, ACTIVITY_WORKING, "working"},
	    {PTY_STATE_BLOCKED, ACTIVITY_WAITING, "blocked"},
	    {PTY_STATE_DONE, ACTIVITY_IDLE, "done"},
	    {PTY_STATE_ERROR, ACTIVITY_WAITING, "error"},
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		if ((enum pty_program_state)r->state != table[i].state)
			continue;
		*out = table[i].activity;
		if (r->state_kind[0])
			snprintf(ev, size, "program status: %s (%s)", table[i].word, r->state_kind);
		else
			snprintf(ev, size, "program status: %s", table[i].word);
		return true;
	}
	return false;
}

bool activity_from_words(const struct activity_input *in, enum session_activity *out,
			 char *evidence, size_t size)
{
	if (in->exited) {
		*out = ACTIVITY_EXITED;
		snprintf(evidence, size, "exit code %d", in->exit_code);
		return true;
	}
	if (in->requests_open) {
		*out = ACTIVITY_ASKS;
		snprintf(evidence, size, "%llu open: %s", (unsigned long long)in->requests_open,
			 in->request ? in->request : "request");
		return true;
	}
	return in->report && from_program_state(in->report, out, evidence, size);
}

/* ---- processes ------------------------------------------------------------------- */

static bool is_tty(pid_t pid, unsigned long fd)
{
	char path[64], target[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/fd/%lu", pid, fd);
	n = readlink(path, target, sizeof(target) - 1);
	if (n < 0)
		return false;
	target[n] = '\0';
	return str_starts(target, "/dev/pts/") || str_eq(target, "/dev/tty");
}

/* True if the thread sleeps in read(2) of a terminal: "0 0x0 ..." in /proc/PID/syscall. */
static bool reads_terminal(pid_t pid)
{
	char path[64], text[256];
	_cleanup_close_ int fd = -1;
	unsigned long arg;
	long number;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/syscall", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read_full(fd, text, sizeof(text) - 1);
	if (n <= 0)
		return false;
	text[n] = '\0';
#ifdef __x86_64__
	const long read_number = 0;
#else
	const long read_number = 63; /* the generic table: arm64, riscv */
#endif
	return sscanf(text, "%ld %lx", &number, &arg) == 2 && number == read_number &&
	       is_tty(pid, arg);
}

struct look {
	uint64_t cpu_ticks;
	bool running, reading;
	size_t processes;
};

static void look_at(const struct activity_input *in, struct look *out)
{
	struct pid_list l = {0};
	struct proc_stat st;
	pid_t foreground = 0;

	*out = (struct look){0};
	tree_list(in->init_pid, 0, &l);
	if (in->terminal && proc_stat_read(in->agent_pid, &st) == 0)
		foreground = st.tpgid;
	for (size_t i = 0; i < l.n; i++) {
		if (proc_stat_read(l.v[i], &st) < 0)
			continue;
		out->processes++;
		out->cpu_ticks += st.cpu_ticks;
		out->running |= st.state == 'R' || st.state == 'D';
		if (!out->reading && foreground > 0 && st.pgrp == foreground && st.state == 'S')
			out->reading = reads_terminal(st.pid);
	}
	pid_list_free(&l);
}

static bool output_is_work(const struct pty_report *r, uint64_t now)
{
	return r && r->last_output_ns && now - r->last_output_ns < QUIET_NS &&
	       r->last_output_ns > r->last_input_ns + ECHO_NS;
}

/* Interpreters with timers are never quite still: a sixteenth of a processor is not yet work. Ticks
 * of a process that ended go missing: that is. */
static bool is_busy(uint64_t ticks, uint64_t before, uint64_t elapsed_ns)
{
	uint64_t per_second = (uint64_t)sysconf(_SC_CLK_TCK);

	return ticks < before || (ticks - before) * 1000000000ull * 16 > elapsed_ns * per_second;
}

static enum session_activity from_processes(struct activity *a, const struct activity_input *in,
					    char *ev, size_t size)
{
	uint64_t now = clock_mono_ns();
	struct look look;

	look_at(in, &look);
	if (a->sampled_ns && is_busy(look.cpu_ticks, a->cpu_ticks, now - a->sampled_ns))
		a->cpu_grew_ns = now;
	a->cpu_ticks = look.cpu_ticks;
	a->sampled_ns = now;
	if (look.reading) {
		snprintf(ev, size, "blocked in a read of the terminal");
		return ACTIVITY_WAITING;
	}
	if (output_is_work(in->report, now)) {
		snprintf(ev, size, "output");
		return ACTIVITY_WORKING;
	}
	if (look.running || (a->cpu_grew_ns && now - a->cpu_grew_ns < QUIET_NS)) {
		snprintf(ev, size, "processor time");
		return ACTIVITY_WORKING;
	}
	if (in->report && !in->report->visible && now - in->started_ns < STARTING_NS) {
		snprintf(ev, size, "nothing printed yet");
		return ACTIVITY_STARTING;
	}
	snprintf(ev, size, "no output, no processor time");
	return ACTIVITY_IDLE;
}

bool activity_sample(struct activity *a, const struct activity_input *in)
{
	enum session_activity now;
	char evidence[sizeof(a->evidence)] = "";
	bool changed;

	if (!activity_from_words(in, &now, evidence, sizeof(evidence)))
		now = from_processes(a, in, evidence, sizeof(evidence));
	changed = now != a->now || !str_eq(evidence, a->evidence);
	if (now != a->now || !a->since_ns)
		a->since_ns = clock_real_ns();
	a->now = now;
	memcpy(a->evidence, evidence, sizeof(evidence));
	return changed;
}
