/* Puts a profile's hooks into the settings of agents. What is there was written by the user and by
 * the agent's own program: it is read with care and kept. */
#include <fcntl.h>
#include <sys/stat.h>

#include "policy/agent_hooks.h"
#include "policy/edit_text.h"
#include "policy/profiles/trust.h"

/* ---- the text ------------------------------------------------------------------------------- */

/* A shell of the agent's reads it. */
static char *command_of(const struct policy_agent_hook *h)
{
	struct buf b = {0};

	buf_add_word(&b, h->script);
	return b.data;
}

static char *item_of(const struct policy_agent_hook *h, const char *command)
{
	struct buf b = {0};

	buf_addc(&b, '{');
	if (h->matcher) {
		buf_adds(&b, "\"matcher\": ");
		buf_add_json_str(&b, h->matcher, strlen(h->matcher));
		buf_adds(&b, ", ");
	}
	buf_adds(&b, "\"hooks\": [{\"type\": \"command\", \"command\": ");
	buf_add_json_str(&b, command, strlen(command));
	buf_adds(&b, "}]}");
	return b.data;
}

static bool is_there(const struct doc *event, const struct policy_agent_hook *h,
		     const char *command)
{
	doc_each(group, event)
	{
		const char *matcher = doc_text(group, "matcher");

		if (strcmp(matcher ? matcher : "", h->matcher ? h->matcher : "") != 0)
			continue;
		doc_each(one, doc_get(group, "hooks"))
		{
			const char *type = doc_text(one, "type");

			if (str_eq(doc_text(one, "command"), command) && str_eq(type, "command"))
				return true;
		}
	}
	return false;
}

static int check_shape(const struct document *d, const char *event, struct err *err)
{
	const struct doc *hooks = doc_get(d->root, "hooks"), *list = doc_get(hooks, event);

	if (d->root->kind != DOC_MAP)
		return doc_error(d->label, d->root, err, "the agent's settings are no object");
	if (hooks && hooks->kind != DOC_MAP)
		return doc_error(d->label, hooks, err, "\"hooks\" is no object");
	if (list && list->kind != DOC_LIST)
		return doc_error(d->label, list, err, "\"hooks\".\"%s\" is no list", event);
	return 0;
}

char *agent_hooks_add(const char *text, const struct policy_agent_hook *h, struct err *err)
{
	_cleanup_(document_freep) struct document *before = NULL, *after = NULL;
	_cleanup_free_ char *command = command_of(h), *item = item_of(h, command), *out = NULL;

	if (!text[strspn(text, " \t\r\n")])
		text = "{}\n";
	before = doc_read(text, strlen(text), DOC_JSON, h->settings, err);
	if (!before || check_shape(before, h->event, err) < 0)
		return NULL;
	if (is_there(doc_get(doc_get(before->root, "hooks"), h->event), h, command))
		return xstrdup(text);
	out = edit_json(&(struct edit){
	    .text = text, .doc = before, .section = "hooks", .list = h->event, .item = item});
	if (out)
		after = doc_read(out, strlen(out), DOC_JSON, h->settings, NULL);
	if (after && edit_rest_same(before, after, "hooks", h->event) &&
	    is_there(doc_get(doc_get(after->root, "hooks"), h->event), h, command))
		return STEAL_PTR(out);
	err_set(err, "%s can't be changed automatically: put %s into \"hooks\".\"%s\"", h->settings,
		item, h->event);
	return NULL;
}

/* ---- the file ------------------------------------------------------------------------------- */

struct settings {
	char *text; /* NULL: there is no file yet */
	char *real;
	size_t n;
	struct stat st;
	int lock; /* on the folder: other sessions that start */
};

static void settings_done(struct settings *s)
{
	free(s->text);
	free(s->real);
	if (s->lock >= 0)
		close(s->lock);
}

static int open_folder(const char *file, struct settings *s, struct err *err)
{
	_cleanup_free_ char *dir = xstrndup(file, (size_t)(path_base(file) - file - 1));
	struct stat st;

	if (stat(dir, &st) < 0 && errno == ENOENT && dir_private(dir, err) < 0)
		return -1;
	s->lock = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->lock < 0 || fstat(s->lock, &st) < 0)
		return err_errno(err, errno, "can't use %s", dir);
	if (fd_lock(s->lock, dir, err) < 0)
		return -1;
	if (st.st_uid != geteuid() || (st.st_mode & (S_IWGRP | S_IWOTH)))
		return err_set(err,
			       "%s is not used: it belongs to another user, or others can write "
			       "there (chmod go-w)",
			       dir);
	return 0;
}

static int open_settings(const char *file, struct settings *s, struct err *err)
{
	if (open_folder(file, s, err) < 0)
		return -1;
	if (lstat(file, &s->st) < 0) {
		if (errno != ENOENT)
			return err_errno(err, errno, "can't look at %s", file);
		s->st.st_mode = 0600;
		s->real = xstrdup(file);
		return 0;
	}
	if (S_ISLNK(s->st.st_mode))
		return err_set(err,
			       "%s is a symbolic link: nono does not write through links. Put the "
			       "file itself there",
			       file);
	if (!S_ISREG(s->st.st_mode) || s->st.st_uid != geteuid())
		return err_set(err, "%s is not a file of yours", file);
	s->text = trust_read(file, false, &s->real, &s->n, err);
	if (!s->text)
		return -1;
	if (strlen(s->text) != s->n)
		return err_set(err, "%s is no text", file);
	return 0;
}

/* The agent, or its user in an editor, may have been quicker. */
static int check_same(const struct settings *s, struct err *err)
{
	struct stat now;
	bool there = lstat(s->real, &now) == 0;

	if (there != (s->text != NULL) ||
	    (there && (now.st_ino != s->st.st_ino || now.st_size != s->st.st_size ||
		       now.st_mtim.tv_sec != s->st.st_mtim.tv_sec ||
		       now.st_mtim.tv_nsec != s->st.st_mtim.tv_nsec)))
		return err_set(err, "%s was changed at this moment: try again", s->real);
	return 0;
}

/* The folder is the agent's to write in: a session that runs already must not get hold of the new
 * file under its first name. It is made where no session comes, and moved. */
static int write_settings(const struct settings *s, const char *text, struct err *err)
{
	_cleanup_free_ char *state = dir_state(), *tmp = NULL;
	mode_t mode = s->st.st_mode & 0777;
	char name[17];
	int r = 0;

	random_hex(name, 8);
	tmp = xasprintf("%s/settings-%s", state, name);
	if (dir_private(state, err) < 0 ||
	    file_write_atomic(tmp, mode, text, strlen(text), err) < 0)
		return -1;
	if (check_same(s, err) < 0) {
		r = -1;
	} else if (rename(tmp, s->real) < 0) {
		r = errno == EXDEV ? file_write_atomic(s->real, mode, text, strlen(text), err)
				   : err_errno(err, errno, "can't write %s", s->real);
	}
	unlink(tmp);
	return r;
}

static int check_script(const struct policy *p, const struct policy_agent_hook *h, struct err *err)
{
	const struct policy_hook script = {.script = h->script};

	if (policy_hook_check(p, &script, NULL, err) < 0)
		return -1;
	/* It is called in later sessions as well, and by an agent without one. */
	if (path_under(p->workdir, h->script) && !path_under(p->workdir, p->home))
		return err_set(err,
			       "%s lies in the working directory: keep it where only you change "
			       "it, for example in ~/.claude/hooks",
			       h->script);
	return 0;
}

static int install(const struct policy *p, const struct policy_agent_hook *h, struct err *err)
{
	_cleanup_(settings_done) struct settings s = {.lock = -1};
	_cleanup_free_ char *text = NULL;

	if (check_script(p, h, err) < 0 || open_settings(h->settings, &s, err) < 0)
		return -1;
	text = agent_hooks_add(s.text ? s.text : "", h, err);
	if (!text)
		return -1;
	return str_eq(text, s.text) ? 0 : write_settings(&s, text, err);
}

int policy_agent_hooks_install(const struct policy *p, struct err *err)
{
	for (size_t i = 0; i < p->n_agent_hooks; i++)
		if (install(p, &p->agent_hooks[i], err) < 0)
			return err_prefix(err, "hooks.%s", p->agent_hooks[i].app);
	return 0;
}
