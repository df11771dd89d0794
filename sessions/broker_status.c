/* What a session is doing, for those who watch: the status event and what makes a new one due. */
#include "sessions/broker.h"

#define STATUS_EVERY_MS 50
#define SAMPLE_EVERY_MS 500

static void fill_activity(struct broker *b, struct activity_input *in, char *request, size_t size)
{
	const struct request *const *open;
	size_t n = 0;

	*in = (struct activity_input){
	    .init_pid = b->init_pid,
	    .agent_pid = b->agent_pid,
	    .terminal = b->o->terminal,
	    .exited = b->agent_gone,
	    .exit_code = b->exit_code,
	    .report = b->have_report ? &b->report : NULL,
	    .started_ns = b->started_ns,
	};
	open = b->elevation ? elevation_requests(b->elevation, &n) : NULL;
	in->requests_open = n;
	if (n) {
		char target[64];
		text_printable(target, sizeof(target), open[0]->target, strlen(open[0]->target));
		snprintf(request, size, "%s %s", request_kind_name(open[0]->kind), target);
		in->request = request;
	}
}

static void add_u64(cJSON *o, const char *name, uint64_t v)
{
	char text[32];

	if (v < (1ull << 53)) {
		cJSON_AddNumberToObject(o, name, (double)v);
		return;
	}
	snprintf(text, sizeof(text), "%llu", (unsigned long long)v);
	cJSON_AddStringToObject(o, name, text);
}

cJSON *broker_status_json(struct broker *b, bool sample)
{
	struct elevation_counts counts = {0};
	struct activity_input in;
	uint64_t events = 0, denials = 0;
	cJSON *o = cJSON_CreateObject();
	char request[96], evidence[96];
	enum session_activity words;

	fill_activity(b, &in, request, sizeof(request));
	/* Between samples the words alone are looked at: they cost nothing. */
	if (sample || activity_from_words(&in, &words, evidence, sizeof(evidence)))
		activity_sample(&b->activity, &in);
	if (b->elevation)
		elevation_counts(b->elevation, &counts);
	if (b->log)
		audit_counts(b->log, &events, &denials);
	cJSON_AddStringToObject(o, "activity", session_activity_name(b->activity.now));
	cJSON_AddStringToObject(o, "evidence", b->activity.evidence);
	add_u64(o, "since_ns", b->activity.since_ns);
	add_u64(o, "events", events);
	add_u64(o, "denied", counts.denied);
	add_u64(o, "granted", counts.granted);
	add_u64(o, "requests_open", in.requests_open);
	cJSON_AddNumberToObject(o, "clients", b->have_report ? b->report.clients : 0);
	cJSON_AddBoolToObject(o, "log_failed", audit_failed(b->log));
	cJSON_AddStringToObject(o, "title", b->have_report ? b->report.title : "");
	if (b->agent_gone)
		cJSON_AddNumberToObject(o, "exit_code", b->exit_code);
	else
		cJSON_AddNullToObject(o, "exit_code");
	return o;
}

static void send_status(struct broker *b, bool sample)
{
	cJSON *o;
	char *text;

	b->status_dirty = false;
	if (!b->control || !control_server_subscribers(b->control))
		return;
	o = broker_status_json(b, sample);
	cJSON_AddStringToObject(o, "event", "status");
	text = cJSON_PrintUnformatted(o);
	if (!text || str_eq(text, b->last_status)) {
		cJSON_Delete(o);
		free(text);
		return;
	}
	free(b->last_status);
	b->last_status = text;
	control_server_broadcast(b->control, o);
}

static void on_status_timer(uv_timer_t *t)
{
	send_status(t->data, false);
}

static void on_sample_timer(uv_timer_t *t)
{
	send_status(t->data, true);
}

void broker_touch(struct broker *b)
{
	if (b->status_dirty || b->closing || !b->control || !control_server_subscribers(b->control))
		return;
	b->status_dirty = true;
	uv_timer_start(&b->status_timer, on_status_timer, STATUS_EVERY_MS, 0);
}

/* A session that nobody watches costs nothing: /proc is read for subscribers only. */
void broker_clients_changed(void *data)
{
	struct broker *b = data;
	unsigned watching = control_server_subscribers(b->control);

	if (b->closing)
		return;
	/* Who is new gets a first status without waiting for a change. */
	free(STEAL_PTR(b->last_status));
	if (!watching || b->agent_gone)
		uv_timer_stop(&b->sample_timer);
	else if (!uv_is_active((uv_handle_t *)&b->sample_timer))
		uv_timer_start(&b->sample_timer, on_sample_timer, 0, SAMPLE_EVERY_MS);
	else
		broker_touch(b);
}
