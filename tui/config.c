/* The front end's settings. */
#include "tui/config.h"

#include "tui/keys.h"

#define FILE_MAX (256u << 10)

void config_defaults(struct tui_config *c)
{
	*c = (struct tui_config){.prefix = "C-b",
				 .clipboard = CLIPBOARD_ASK,
				 .bell = true,
				 .notifications = true,
				 .mouse = true};
}

static const char *skip(const char *s)
{
	return s + strspn(s, " \t\r");
}

/* After a value only a comment may follow. */
static bool ends(const char *s)
{
	s = skip(s);
	return !*s || *s == '#';
}

static int take_string(const char *s, char *out, size_t size)
{
	char quote = *s;
	size_t n;

	if (quote != '"' && quote != '\'')
		return -1;
	s++;
	n = strcspn(s, quote == '"' ? "\"\\" : "'");
	if (s[n] != quote || n >= size || !ends(s + n + 1))
		return -1;
	memcpy(out, s, n);
	out[n] = 0;
	return 0;
}

static int take_bool(const char *s, bool *out)
{
	size_t n = strcspn(s, " \t\r#");

	if (!((n == 4 && !strncmp(s, "true", 4)) || (n == 5 && !strncmp(s, "false", 5))) ||
	    !ends(s + n))
		return -1;
	*out = n == 4;
	return 0;
}

static int take_clipboard(const char *s, enum clipboard_policy *out)
{
	static const char *const names[] = {"ask", "focused", "off"};
	char word[16];

	if (take_string(s, word, sizeof(word)))
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (str_eq(word, names[i])) {
			*out = (enum clipboard_policy)i;
			return 0;
		}
	return -1;
}

static int set(struct tui_config *c, const char *key, size_t n, const char *value)
{
	char prefix[32];
	uint32_t code;
	unsigned mods;

#define IS(name) (n == strlen(name) && !strncmp(key, name, n))
	if (IS("prefix")) {
		if (take_string(value, prefix, sizeof(prefix)) || key_parse(prefix, &code, &mods))
			return -1;
		str_copy(c->prefix, sizeof(c->prefix), prefix);
		return 0;
	}
	if (IS("clipboard"))
		return take_clipboard(value, &c->clipboard);
	if (IS("bell"))
		return take_bool(value, &c->bell);
	if (IS("notifications"))
		return take_bool(value, &c->notifications);
	if (IS("mouse"))
		return take_bool(value, &c->mouse);
#undef IS
	return 0;
}

static int take_line(struct tui_config *c, const char *line, bool *ours)
{
	const char *s = skip(line), *value;
	size_t n;

	if (!*s || *s == '#')
		return 0;
	if (*s == '[') {
		n = strcspn(s, "]");
		*ours = !strncmp(s, "[ui]", 4);
		return s[n] ? 0 : -1;
	}
	if (!*ours)
		return 0;
	n = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.");
	value = skip(s + n);
	if (!n || *value != '=')
		return -1;
	return set(c, s, n, skip(value + 1));
}

int config_parse(struct tui_config *c, const char *text, struct err *err)
{
	unsigned number = 0;
	bool ours = false;

	while (*text) {
		size_t n = strcspn(text, "\n");
		char line[1024];

		number++;
		if (n < sizeof(line)) {
			memcpy(line, text, n);
			line[n] = 0;
			if (take_line(c, line, &ours))
				return err_usage(err, "line %u: not understood: %.60s", number,
						 line);
		} else if (ours) {
			return err_usage(err, "line %u is too long", number);
		}
		text += n + (text[n] == '\n');
	}
	return 0;
}

int config_load(struct tui_config *c, struct err *err)
{
	_cleanup_free_ char *dir = dir_config(), *path = NULL, *text = NULL;

	config_defaults(c);
	path = xasprintf("%s/config.toml", dir);
	if (access(path, F_OK) && errno == ENOENT)
		return 0;
	text = file_read(path, FILE_MAX, NULL, err);
	if (!text)
		return -1;
	return config_parse(c, text, err) ? err_prefix(err, "%s", path) : 0;
}
