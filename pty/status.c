/*
 * What the program says about its state: OSC 7501 in its own words; titles and prompt marks only
 * as long as it has not used those.
 */
#include "pty/osc.h"
#include "pty/terminal.h"

#define STATUS_MAX 4096

static const struct {
	const char *name;
	enum pty_program_state state;
} states[] = {
    {"idle", PTY_STATE_IDLE}, {"working", PTY_STATE_WORKING}, {"blocked", PTY_STATE_BLOCKED},
    {"done", PTY_STATE_DONE}, {"error", PTY_STATE_ERROR},     {"clear", PTY_STATE_NONE},
};

static bool state_by_name(const char *name, enum pty_program_state *out)
{
	for (size_t i = 0; i < ARRAY_LEN(states); i++) {
		if (str_eq(name, states[i].name)) {
			*out = states[i].state;
			return true;
		}
	}
	return false;
}

/* state=NAME[:app=..][:kind=..][:msg=BASE64]..., keys not known are skipped. */
void vt_status(struct terminal *t, char *s, size_t n, bool bel)
{
	struct program_status st = {.reported = true};
	bool have = false;
	char *save = NULL;

	if (n > STATUS_MAX)
		return;
	if (str_eq(s, "?")) {
		vt_reply(t, "\033]7501;?%s", bel ? "\a" : "\033\\");
		return;
	}
	for (char *f = strtok_r(s, ":", &save); f; f = strtok_r(NULL, ":", &save)) {
		char *value = strchr(f, '=');

		if (!value)
			continue;
		*value++ = '\0';
		if (str_eq(f, "state")) {
			if (!state_by_name(value, &st.state))
				return;
			have = true;
		} else if (str_eq(f, "app"))
			text_printable(st.app, sizeof(st.app), value, strlen(value));
		else if (str_eq(f, "kind"))
			text_printable(st.kind, sizeof(st.kind), value, strlen(value));
		else if (str_eq(f, "msg")) {
			ssize_t len = base64_decode_in_place(value, strlen(value));

			if (len > 0)
				text_printable(st.msg, sizeof(st.msg), value, (size_t)len);
		}
	}
	if (!have)
		return;
	if (st.state == PTY_STATE_NONE)
		st = (struct program_status){0};
	t->status = st;
	vt_state_changed(t);
}

static void hint(struct terminal *t, enum pty_program_state state, const char *from)
{
	if (t->status.reported || t->status.state == state)
		return;
	t->status = (struct program_status){.state = state};
	if (state)
		str_copy(t->status.kind, sizeof(t->status.kind), from);
	vt_state_changed(t);
}

/* Signs that agents put in front of their titles. */
void vt_status_title(struct terminal *t)
{
	static const struct {
		uint32_t first, last;
		enum pty_program_state state;
	} signs[] = {
	    {0x2800, 0x28ff, PTY_STATE_WORKING}, /* braille spinner */
	    {0x25d0, 0x25d3, PTY_STATE_WORKING}, /* circle spinner */
	    {0x2726, 0x2726, PTY_STATE_WORKING}, /* four-pointed star */
	    {0x25c7, 0x25c7, PTY_STATE_IDLE},	 /* diamond */
	    {0x2733, 0x2733, PTY_STATE_IDLE},	 /* asterisk */
	    {0x270b, 0x270b, PTY_STATE_BLOCKED}, /* hand */
	};
	uint32_t cp;

	if (strstr(t->title, "Action Required")) {
		hint(t, PTY_STATE_BLOCKED, "title");
		return;
	}
	if (!utf8_decode(t->title, strlen(t->title), &cp))
		return;
	for (size_t i = 0; i < ARRAY_LEN(signs); i++) {
		if (cp >= signs[i].first && cp <= signs[i].last) {
			hint(t, signs[i].state, "title");
			return;
		}
	}
	if (str_eq(t->status.kind, "title"))
		hint(t, PTY_STATE_NONE, "");
}

/* OSC 133. Some agents put A, B, C around their messages; only a shell says D when a command has
 * ended, so nothing is concluded before the first D. */
void vt_status_mark(struct terminal *t, const char *arg)
{
	bool shell = str_eq(t->status.kind, "mark");

	switch (*arg) {
	case 'D':
		hint(t, PTY_STATE_IDLE, "mark");
		break;
	case 'A':
	case 'B':
		if (shell)
			hint(t, PTY_STATE_IDLE, "mark");
		break;
	case 'C':
		if (shell)
			hint(t, PTY_STATE_WORKING, "mark");
		break;
	}
}
