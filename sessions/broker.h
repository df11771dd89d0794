/*
 * broker - the process that supervises one session.
 *
 *   broker_start()   everything that can fail, up to a program that may execute (broker_start.c)
 *   broker_loop()    serves until the session is over (broker.c)
 *   broker_end()     removes what was made (broker_start.c)
 */
#ifndef NONO_SESSIONS_BROKER_H
#define NONO_SESSIONS_BROKER_H

#include <signal.h>
#include <uv.h>

#include "audit/audit.h"
#include "common/remark.h"
#include "elevation/elevation.h"
#include "sessions/activity.h"
#include "sessions/approver.h"
#include "sessions/control.h"
#include "sessions/init.h"
#include "sessions/limits.h"
#include "sessions/proxy.h"
#include "sessions/runtime.h"
#include "sessions/sessions.h"
#include "sessions/signer.h"
#include "sessions/snapshotter.h"
#include "sessions/tools.h"

/* What can be found out before anything exists. */
struct plan {
	char *program; /* resolved path */
	char **argv;   /* session_argv() */
	struct policy *policy;
	struct nono_limits limits;
	char **secrets; /* "VARIABLE=secret" */
	char *sign_key; /* of the options, as signer_key() spells it; NULL = none */
	char id[SESSION_ID_LEN + 1];
	struct rollback_place place; /* of its snapshots; path NULL: the state directory */
};
int plan_make(const struct session_options *o, struct plan *out, struct err *err);
void plan_free(struct plan *p);

#define BROKER_LINGER_MS 2000 /* how long an ended session waits for a client on its way */

struct broker {
	const struct session_options *o;
	const struct plan *plan;
	bool foreground; /* session_run(): signals are forwarded, descriptors 0-2 are the program's
			  */
	int ready_fd;	 /* whom session_start() waits at, -1 when told or none */

	struct runtime rt;
	char name[SESSION_NAME_MAX];
	struct policy_spec *spec_owner;
	struct nono_spec spec;
	struct nono_layers layers;
	char why_no_namespaces[NONO_MSG_MAX];
	sigset_t old_mask;
	bool sigpipe_ignored;

	int init_fd, gate_fd, master_fd, host_fd, signal_fd;
	int sockets_fd; /* orders for init (elevation_make_sockets()) */
	pid_t init_pid, agent_pid, host_pid;
	struct limits limits;
	int limit_exit; /* the exit code if a limit ended the program, else 0 */
	struct audit_log *log;
	struct elevation *elevation;
	struct proxy *proxy; /* NULL: the network needs none */
	struct approver approver;
	struct signer signer;
	struct snapshotter *snapshotter; /* its caller's */
	struct audit_redaction *redaction;
	struct audit_limits audit_limits;
	struct tools *tools; /* NULL: no command has a policy of its own */
	cJSON *record;
	cJSON *denials; /* what was refused, once the program has ended */
	uint64_t denials_total;
	bool recorded;

	uv_loop_t loop;
	bool have_loop;
	uv_poll_t init_poll, gate_poll, host_poll, elevation_poll, signal_poll, approver_poll;
	uv_poll_t snapshot_poll;
	struct before *before; /* grants that wait for a snapshot, NULL: none does */
	uv_timer_t elevation_timer, status_timer, sample_timer, stop_timer, linger_timer;
	uv_timer_t look_timer, wall_timer, startup_timer, before_timer;
	struct control_server *control;

	struct activity activity;
	struct pty_report report;
	size_t report_got; /* bytes of the next report */
	char report_bytes[sizeof(struct pty_report)];
	bool have_report, status_dirty;
	uint64_t expect_until_ns; /* a client may be on its way until then, CLOCK_MONOTONIC */
	char *last_status;
	uint64_t started_ns; /* CLOCK_MONOTONIC */

	/* ending: all processes are gone, the last snapshot is being taken; over: all is in the
	 * record */
	bool executed, agent_gone, ending, over, stopping, closing;
	int exit_code;
	struct err failure; /* the program could not be executed */
};

int broker_start(struct broker *b, struct err *err);
/* The program's exit code; -1 with b->failure if it could not be executed. */
int broker_loop(struct broker *b);
void broker_end(struct broker *b);

/* ---- between the broker's files --------------------------------------------------- */

/* The start (broker_init.c, broker_record.c); called in this order by broker_start(). await:
 * a message of init, or of the program's process; *enter: nono_enter() failed. */
int broker_fork_init(struct broker *b, struct err *err);
int broker_make_spec(struct broker *b, struct err *err);
/* broker_requests.c: the thread that answers the filter, and what it says of requests. */
/* data: the broker. Counters or requests are others now. */
void broker_requests_changed(void *data);
int broker_start_elevation(struct broker *b, int listener, struct err *err);
int broker_enter_namespaces(struct broker *b, struct err *err);
int broker_await(struct broker *b, enum init_msg_type want, struct init_msg *m, int *fd,
		 bool *enter, struct err *err);
int broker_prepare_log(struct broker *b, char *const *command, struct err *err);
int broker_begin_log(struct broker *b, const struct buf *policy_text, struct err *err);
void broker_make_record(struct broker *b, char *const *command);
/* How the program's network is held: "namespace", or "host" (which it shares: rules and the broker
 * hold it). */
const char *broker_road(const struct broker *b);
int broker_write_cap_file(struct broker *b, const struct buf *text, struct err *err);

/* Is what it says beside (common/remark.h) read by anybody? */
static inline bool broker_remarks(const struct broker *b)
{
	return remark_to_file() || (b->foreground && !b->o->silent);
}

/* denials.c: the list for the record, folded; total: how many targets there are. */
cJSON *denials_json(const struct policy *p, const struct violation *v, size_t n, uint64_t *total);
cJSON *layers_json(const struct nono_layers *l);
/* Writes the record with its present status; NULL exit code while it runs. */
int broker_write_record(struct broker *b, struct err *err);
/* Ends init and what is below it, if it still lives, and waits for that. */
void broker_reap_init(struct broker *b);
/* Ends the session: SIGHUP and SIGTERM, after ms SIGKILL. */
void broker_stop(struct broker *b, int ms);
/* The same without giving up who watches: the last screen stays. */
void broker_end_program(struct broker *b, int ms);
/* Snapshots in the log (broker_snapshots.c): the first or the last of the session's own; what a
 * client tells of. */
void broker_log_snapshots(struct broker *b, bool end);
/* One before a grant, or why there is none (a NULL). */
void broker_log_before(struct broker *b, const struct snapshotter_answer *a, const char *why);
/* Snapshots before risky grants (broker_before.c): has the gate ask; watches the snapshotter. */
void broker_hold_grants(struct broker *b, struct elevation_events *ev);
int broker_watch_snapshots(struct broker *b);
void broker_before_free(struct broker *b);
/* Has the last one taken beside the loop; then, or if there is none, broker_recorded(). */
void broker_take_last(struct broker *b);
void broker_recorded(struct broker *b);
cJSON *broker_note_snapshot(struct broker *b, const cJSON *args, struct err *err);
/* Requests that a profile has others answer (broker_approval.c). */
void broker_ask_backend(struct broker *b, const struct request *r);
bool broker_take_answer(struct broker *b); /* false: it is gone */
/* Limits (broker_limits.c): the timers, one look at once, the last look (which may set the exit
 * code; killed: the program ended by SIGKILL), members of the record, lines for -v. */
void broker_start_limits(struct broker *b);
void broker_look_at_limits(struct broker *b);
void broker_limits_at_end(struct broker *b, bool killed);
void broker_add_limits(struct broker *b);
void broker_say_limits(const struct broker *b);
/* Ends a program that has shown nothing on its terminal in time (startup_watch.c). */
void broker_watch_startup(struct broker *b);
/* Begins to remove audit records that are beyond the limits, the session's own counted
 * (record_keep.c). After its log was closed. */
void broker_keep_records(const struct broker *b);
/* Sends a control message to the screen host; -1 if it is not there or does not take it. */
int broker_tell_host(struct broker *b, const struct pty_control *m, int fd);
/* What the screen host reports (broker_host.c): a callback of its poll handle; does somebody look?
 */
void broker_on_host(uv_poll_t *h, int status, int events);
bool broker_watched(const struct broker *b);
/* Once the session is over: leaves the loop, as soon as nobody looks at the last screen. */
void broker_linger(struct broker *b);
/* Init and all that it held are gone. */
void broker_session_over(struct broker *b);
/* What was refused, for whom looks later; before the engine goes. */
void broker_keep_denials(struct broker *b);
/* broker.c, for broker_over.c: whether exec worked; whoever started the session is told. */
void broker_on_gate(uv_poll_t *h, int status, int events);
void broker_tell_ready(struct broker *b);
void broker_close_down(struct broker *b);
/* Clients have come or gone (broker_status.c). */
void broker_clients_changed(void *data);
/* Something that status events show may have changed. */
void broker_touch(struct broker *b);
cJSON *broker_status_json(struct broker *b, bool sample);
cJSON *broker_request_json(struct broker *b, const struct request *r);
cJSON *broker_call(void *data, const struct control_peer *peer, const char *op, const cJSON *args,
		   int *fd, struct err *err);
cJSON *broker_hello(void *data);

#endif
