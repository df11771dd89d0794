/* The end of a session: what is kept, who looks on for a moment, and the loop's last turn. */
#include "sessions/broker.h"
#include "sessions/names.h"
#include "sessions/tree.h"

/* Before the table goes away with the engine; what others still do counts until then. */
void broker_keep_denials(struct broker *b)
{
	struct violation_list l;

	if (!b->elevation)
		return;
	elevation_violations(b->elevation, &l);
	cJSON_Delete(b->denials);
	b->denials = denials_json(b->plan->policy, l.v, l.n, &b->denials_total);
	free(l.v);
}

static void on_linger(uv_timer_t *t)
{
	broker_linger(t->data);
}

/* After the end the last screen stays as long as someone looks at it, and for a moment when
 * someone may just be coming. */
void broker_linger(struct broker *b)
{
	uint64_t now = clock_mono_ns();

	if (!b->over || b->closing)
		return;
	if (b->host_pid > 0 && broker_watched(b) && !b->stopping)
		return;
	if (b->host_pid > 0 && !b->stopping && now < b->expect_until_ns) {
		uv_timer_start(&b->linger_timer, on_linger,
			       (b->expect_until_ns - now) / 1000000u + 1, 0);
		return;
	}
	broker_close_down(b);
}

void broker_recorded(struct broker *b)
{
	cJSON *o;

	b->over = true;
	uv_timer_stop(&b->linger_timer);
	snapshotter_end(b->snapshotter, b->exit_code);
	broker_log_snapshots(b, true);
	if (b->log && b->o->snapshots.on)
		audit_log_snapshots(b->log, b->snapshotter->count, b->snapshotter->roots[0],
				    b->snapshotter->roots[1]);
	audit_log_close(STEAL_PTR(b->log), b->exit_code, NULL);
	broker_write_record(b, NULL);
	name_retire(b->name, b->plan->id);
	broker_tell_ready(b);
	if (control_server_subscribers(b->control)) {
		o = cJSON_CreateObject();
		cJSON_AddStringToObject(o, "event", "ended");
		cJSON_AddNumberToObject(o, "exit_code", b->exit_code);
		cJSON_AddItemToObject(o, "status", broker_status_json(b, true));
		control_server_broadcast(b->control, o);
	}
	broker_linger(b);
}

/* No process of the session is left. Clients are served while the last snapshot is taken. */
void broker_session_over(struct broker *b)
{
	if (b->over || b->ending)
		return;
	/* Both sockets may end at once; whether exec failed is told by the other one. */
	if (!b->executed && !b->failure.msg[0])
		broker_on_gate(&b->gate_poll, 0, UV_READABLE);
	proxy_end(b->proxy);
	if (!b->layers.pid_ns)
		tree_kill(getpid(), b->host_pid); /* init may have been killed */
	uv_timer_stop(&b->stop_timer);
	uv_timer_stop(&b->sample_timer);
	uv_timer_stop(&b->look_timer);
	uv_timer_stop(&b->wall_timer);
	uv_poll_stop(&b->elevation_poll);
	uv_timer_stop(&b->elevation_timer);
	if (b->approver.fd >= 0)
		uv_poll_stop(&b->approver_poll);
	broker_keep_denials(b);
	tools_end(b->tools);
	elevation_stop(STEAL_PTR(b->elevation));
	if (b->failure.msg[0] && !b->executed) {
		broker_close_down(b);
		return; /* broker_end() removes the record */
	}
	b->ending = true;
	broker_take_last(b);
}

void broker_close_down(struct broker *b)
{
	uv_handle_t *const handles[] = {
	    (uv_handle_t *)&b->init_poll,     (uv_handle_t *)&b->gate_poll,
	    (uv_handle_t *)&b->host_poll,     (uv_handle_t *)&b->elevation_poll,
	    (uv_handle_t *)&b->signal_poll,   (uv_handle_t *)&b->elevation_timer,
	    (uv_handle_t *)&b->status_timer,  (uv_handle_t *)&b->sample_timer,
	    (uv_handle_t *)&b->stop_timer,    (uv_handle_t *)&b->linger_timer,
	    (uv_handle_t *)&b->look_timer,    (uv_handle_t *)&b->wall_timer,
	    (uv_handle_t *)&b->startup_timer, (uv_handle_t *)&b->approver_poll,
	    (uv_handle_t *)&b->snapshot_poll, (uv_handle_t *)&b->before_timer,
	};

	if (b->closing)
		return;
	b->closing = true;
	proxy_end(b->proxy);
	tools_end(b->tools);
	control_server_close(b->control, 500);
	for (size_t i = 0; i < ARRAY_LEN(handles); i++)
		if (handles[i]->type != UV_UNKNOWN_HANDLE)
			uv_close(handles[i], NULL);
}
