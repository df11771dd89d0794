/* The front end's settings. */
#include "tui/config.h"

#include "common/document.h"
#include "tui/keys.h"
#include "tui/theme.h"

#define FILE_MAX (256u << 10)

void config_defaults(struct tui_config *c)
{
	*c = (struct tui_config){.prefix = "C-b",
				 .clipboard = CLIPBOARD_ASK,
				 .bell = true,
				 .notifications = true,
				 .mouse = true,
				 .theme = "terminal"};
}

/* What must be there instead; NULL if the value is taken. */
typedef const char *take_fn(struct tui_config *c, const struct doc *d);

static const char *take_prefix(struct tui_config *c, const struct doc *d)
{
	uint32_t code;
	unsigned mods;

	if (d->kind != DOC_STRING || strlen(d->string) >= sizeof(c->prefix) ||
	    key_parse(d->string, &code, &mods))
		return "the name of a key, like \"C-b\"";
	str_copy(c->prefix, sizeof(c->prefix), d->string);
	return NULL;
}

static const char *take_clipboard(struct tui_config *c, const struct doc *d)
{
	static const char *const names[] = {"ask", "focused", "off"};

	for (size_t i = 0; d->kind == DOC_STRING && i < ARRAY_LEN(names); i++)
		if (str_eq(d->string, names[i])) {
			c->clipboard = (enum clipboard_policy)i;
			return NULL;
		}
	return "\"ask\", \"focused\" or \"off\"";
}

static const char *take_bool(bool *out, const struct doc *d)
{
	if (d->kind != DOC_BOOL)
		return "true or false";
	*out = d->boolean;
	return NULL;
}

static const char *take_bell(struct tui_config *c, const struct doc *d)
{
	return take_bool(&c->bell, d);
}

static const char *take_notifications(struct tui_config *c, const struct doc *d)
{
	return take_bool(&c->notifications, d);
}

static const char *take_mouse(struct tui_config *c, const struct doc *d)
{
	return take_bool(&c->mouse, d);
}

static const char *take_theme(struct tui_config *c, const struct doc *d)
{
	if (d->kind != DOC_STRING)
		return "a name, like \"mocha\"";
	if (theme_known(d->string)) /* as with --theme: others are no reason to stop */
		str_copy(c->theme, sizeof(c->theme), d->string);
	return NULL;
}

/* The last is the reference's. */
static const char *const ui_names[] = {
    "prefix", "clipboard", "bell", "notifications", "mouse", "theme", "detach_sequence", NULL};
static take_fn *const ui_takes[ARRAY_LEN(ui_names)] = {
    take_prefix, take_clipboard, take_bell, take_notifications, take_mouse, take_theme,
};

static const char *const sections[] = {"ui",	       "meta",	    "undo",	 "rollback",
				       "updates",      "redaction", "overrides", "extensions",
				       "trusted_keys", "audit",	    NULL};

static size_t find(const char *const *names, const char *name)
{
	size_t i = 0;

	while (names[i] && !str_eq(names[i], name))
		i++;
	return i;
}

static int unknown(const struct document *f, const struct doc *d, const char *const *names,
		   struct err *err)
{
	const char *near = word_nearest(d->name, names);
	char shown[80];

	text_printable(shown, sizeof(shown), d->name, strlen(d->name));
	return near ? doc_error(f->label, d, err, "\"%s\" is not known; did you mean \"%s\"?",
				shown, near)
		    : doc_error(f->label, d, err, "\"%s\" is not known", shown);
}

static int take_ui(struct tui_config *c, const struct document *f, const struct doc *ui,
		   struct err *err)
{
	if (ui->kind != DOC_MAP)
		return doc_error(f->label, ui, err, "\"ui\" must be a table");
	doc_each(d, ui)
	{
		size_t i = find(ui_names, d->name);
		const char *want;

		if (!ui_names[i])
			return unknown(f, d, ui_names, err);
		want = ui_takes[i] ? ui_takes[i](c, d) : NULL;
		if (want)
			return doc_error(f->label, d, err, "\"%s\" must be %s", d->name, want);
	}
	return 0;
}

static int take(struct tui_config *c, const struct document *f, struct err *err)
{
	doc_each(d, f->root)
	{
		size_t i = find(sections, d->name);

		if (!sections[i])
			return unknown(f, d, sections, err);
		if (i == 0 && take_ui(c, f, d, err))
			return -1;
	}
	return 0;
}

int config_parse(struct tui_config *c, const char *text, size_t n, const char *label,
		 struct err *err)
{
	_cleanup_(document_freep) struct document *f = doc_read(text, n, DOC_TOML, label, err);

	if (f && take(c, f, err) == 0)
		return 0;
	if (err)
		err->cls = ERR_USAGE;
	return -1;
}

int config_load(struct tui_config *c, struct err *err)
{
	_cleanup_free_ char *dir = dir_config(), *path = NULL, *text = NULL;
	size_t n;

	config_defaults(c);
	path = xasprintf("%s/config.toml", dir);
	if (access(path, F_OK) && errno == ENOENT)
		return 0;
	text = file_read(path, FILE_MAX, &n, err);
	return text ? config_parse(c, text, n, path, err) : -1;
}
