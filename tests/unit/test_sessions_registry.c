/* Records, names, runtime files of sessions. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "sessions/names.h"
#include "sessions/registry.h"
#include "sessions/runtime.h"
#include "sessions/tree.h"

static int set_up(void **state)
{
	char dir[] = "/tmp/nono-test-XXXXXX";
	char path[128];

	if (!mkdtemp(dir))
		return -1;
	*state = xstrdup(dir);
	snprintf(path, sizeof(path), "%s/state", dir);
	setenv("XDG_STATE_HOME", path, 1);
	snprintf(path, sizeof(path), "%s/run", dir);
	mkdir(path, 0700);
	setenv("XDG_RUNTIME_DIR", path, 1);
	return 0;
}

static int tear_down(void **state)
{
	int r = remove_tree(*state);

	free(*state);
	return r;
}

static void put(const char *id, const char *name, const char *status, pid_t pid, uint64_t ns)
{
	_cleanup_free_ char *dir = registry_dir();
	cJSON *o = cJSON_CreateObject(), *argv;
	char text[32];

	assert_int_equal(dir_private(dir, NULL), 0);
	snprintf(text, sizeof(text), "%llu", (unsigned long long)ns);
	cJSON_AddStringToObject(o, "session_id", id);
	cJSON_AddStringToObject(o, "name", name);
	cJSON_AddStringToObject(o, "status", status);
	cJSON_AddNumberToObject(o, "supervisor_pid", pid);
	cJSON_AddNumberToObject(o, "started_epoch", (double)proc_start_time(pid));
	cJSON_AddStringToObject(o, "started_ns", text);
	cJSON_AddNumberToObject(o, "exit_code", 0);
	cJSON_AddStringToObject(o, "attachment", "attached");
	argv = cJSON_AddArrayToObject(o, "command");
	cJSON_AddItemToArray(argv, cJSON_CreateString("sh"));
	assert_int_equal(registry_write(id, o, NULL), 0);
	cJSON_Delete(o);
}

static pid_t dead_pid(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	waitpid(pid, NULL, 0);
	return pid;
}

static void empty_without_directory(void **state)
{
	struct session_list l;

	(void)state;
	assert_int_equal(session_list(true, &l, NULL), 0);
	assert_int_equal(l.n, 0);
	session_list_free(&l);
}

static void newest_first_and_live_only(void **state)
{
	struct session_list l;

	(void)state;
	put("aaaaaaaaaaaaaaa1", "one", "running", getpid(), 1000);
	put("aaaaaaaaaaaaaaa2", "two", "running", getpid(), 3000);
	put("aaaaaaaaaaaaaaa3", "three", "exited", getpid(), 2000);
	assert_int_equal(session_list(false, &l, NULL), 0);
	assert_int_equal(l.n, 2);
	assert_string_equal(l.v[0].name, "two");
	assert_string_equal(l.v[0].command[0], "sh");
	session_list_free(&l);
	assert_int_equal(session_list(true, &l, NULL), 0);
	assert_int_equal(l.n, 3);
	assert_string_equal(l.v[1].name, "three");
	session_list_free(&l);
}

static void dead_supervisor_is_reconciled(void **state)
{
	const char *id = "bbbbbbbbbbbbbbb1";
	_cleanup_free_ char *dir = session_runtime_dir(id), *tmp = runtime_tmp_path(id);
	_cleanup_free_ char *base = dir_runtime(), *path = registry_path(id), *text = NULL;
	struct session_list l;

	(void)state;
	put(id, "gone", "running", dead_pid(), 1000);
	assert_int_equal(dir_private(base, NULL), 0);
	assert_int_equal(mkdir(dir, 0700), 0);
	assert_int_equal(mkdir(tmp, 0700), 0);
	assert_int_equal(session_list(true, &l, NULL), 0);
	assert_int_equal(l.n, 1);
	assert_int_equal(l.v[0].status, SESSION_EXITED);
	assert_int_equal(l.v[0].exit_code, -1);
	assert_false(l.v[0].attached);
	session_list_free(&l);
	assert_int_equal(access(dir, F_OK), -1);
	assert_int_equal(access(tmp, F_OK), -1);
	text = file_read(path, 65536, NULL, NULL); /* on disk too */
	assert_non_null(strstr(text, "\"exited\""));
}

static void reused_pid_is_not_the_supervisor(void **state)
{
	const char *id = "bbbbbbbbbbbbbbb2";
	_cleanup_free_ char *path = registry_path(id);
	struct session_record r;
	struct err err;
	char *text, *at;

	(void)state;
	put(id, "other", "running", getpid(), 1000);
	text = file_read(path, 65536, NULL, NULL);
	at = strstr(text, "started_epoch");
	at = strpbrk(at, "123456789");
	*at = *at == '1' ? '2' : '1';
	assert_int_equal(file_write_atomic(path, 0600, text, strlen(text), &err), 0);
	free(text);
	assert_int_equal(session_find(id, &r, &err), 0);
	assert_int_equal(r.status, SESSION_EXITED);
	assert_int_equal(r.exit_code, -1);
	session_record_free(&r);
}

static void find_by_prefix_and_name(void **state)
{
	struct session_record r;
	struct err err = {0};

	(void)state;
	put("cccccccccccccc11", "alpha", "running", getpid(), 1);
	put("cccccccccccccc12", "beta", "running", getpid(), 2);
	put("dddddddddddddd11", "alpha", "exited", getpid(), 3);
	put("cccccccccccccc13", "old", "exited", getpid(), 4);
	put("eeeeeeeeeeeeeee1", "old", "exited", getpid(), 5);
	assert_int_equal(session_find("cccccccccccccc12", &r, &err), 0);
	assert_string_equal(r.name, "beta");
	session_record_free(&r);
	/* A live one wins over an ended one with the same prefix or name. */
	assert_int_equal(session_find("alpha", &r, &err), 0);
	assert_string_equal(r.id, "cccccccccccccc11");
	session_record_free(&r);
	assert_int_equal(session_find("ccc", &r, &err), -1);
	assert_non_null(strstr(err.msg, "ambiguous"));
	assert_non_null(strstr(err.msg, "cccccccccccccc11"));
	assert_non_null(strstr(err.msg, "beta"));
	assert_null(strstr(err.msg, "cccccccccccccc13"));
	assert_int_equal(session_find("old", &r, &err), 0);
	assert_string_equal(r.id, "eeeeeeeeeeeeeee1");
	session_record_free(&r);
	put("dddddddddddddd12", "cccc", "exited", getpid(), 6);
	assert_int_equal(session_find("cccc", &r, &err), 0); /* ids too begin so */
	assert_string_equal(r.id, "dddddddddddddd12");
	session_record_free(&r);
	assert_int_equal(session_find("alph", &r, &err), -1);
	assert_int_equal(session_find("", &r, &err), -1);
	assert_int_equal(err.cls, ERR_USAGE);
}

static void damaged_records_are_skipped(void **state)
{
	_cleanup_free_ char *a = registry_path("fffffffffffffff1");
	_cleanup_free_ char *b = registry_path("fffffffffffffff2");
	struct session_list l;

	(void)state;
	put("fffffffffffffff3", "good", "running", getpid(), 1);
	assert_int_equal(file_write_atomic(a, 0600, "{\"session_id\": 7", 16, NULL), 0);
	assert_int_equal(symlink("/etc/passwd", b), 0);
	assert_int_equal(session_list(true, &l, NULL), 0);
	assert_int_equal(l.n, 1);
	session_list_free(&l);
}

static void open_directory_is_closed(void **state)
{
	_cleanup_free_ char *dir = registry_dir();
	struct session_list l;
	struct stat st;

	(void)state;
	put("fffffffffffffff4", "x", "running", getpid(), 1);
	assert_int_equal(chmod(dir, 0755), 0);
	assert_int_equal(session_list(true, &l, NULL), 0);
	session_list_free(&l);
	assert_int_equal(stat(dir, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
}

static void linked_directory_is_refused(void **state)
{
	_cleanup_free_ char *dir = registry_dir(), *other = xasprintf("%s/other", (char *)*state);
	_cleanup_free_ char *base = dir_state();
	struct session_list l;
	struct err err = {0};

	assert_int_equal(dir_private(base, NULL), 0);
	assert_int_equal(mkdir(other, 0700), 0);
	assert_int_equal(symlink(other, dir), 0);
	assert_int_equal(session_list(true, &l, &err), -1);
	assert_true(err.msg[0]);
}

static void prune_keeps_live_and_newest(void **state)
{
	struct session_list l;

	(void)state;
	put("1111111111111111", "a", "running", getpid(), 1);
	put("2222222222222222", "b", "exited", getpid(), 2);
	put("3333333333333333", "c", "exited", getpid(), clock_real_ns());
	assert_int_equal(session_prune(0, 0, true, NULL), 2);
	assert_int_equal(session_prune(1, 0, true, NULL), 1);
	assert_int_equal(session_prune(0, 1, false, NULL), 1);
	assert_int_equal(session_list(true, &l, NULL), 0);
	assert_int_equal(l.n, 2);
	session_list_free(&l);
	assert_int_equal(session_prune(0, 0, false, NULL), 1);
}

static void names_are_valid(void **state)
{
	(void)state;
	assert_true(session_name_ok("neat-gate"));
	assert_false(session_name_ok(""));
	assert_false(session_name_ok("../x"));
	assert_false(session_name_ok("a/b"));
	assert_false(session_name_ok("a b"));
	assert_false(session_name_ok("\033[2J"));
	assert_false(session_name_ok("-x"));
	assert_false(session_name_ok(
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"));
}

static void names_are_unique_and_come_back(void **state)
{
	char name[SESSION_NAME_MAX];
	struct err err = {0};

	(void)state;
	assert_int_equal(name_take("mine", "1111111111111111", getpid(), name, &err), 0);
	assert_int_equal(name_take("mine", "2222222222222222", getpid(), name, &err), -1);
	assert_non_null(strstr(err.msg, "mine"));
	name_release("mine", "2222222222222222"); /* not his */
	assert_int_equal(name_take("mine", "2222222222222222", getpid(), name, &err), -1);
	name_release("mine", "1111111111111111");
	assert_int_equal(name_take("mine", "2222222222222222", getpid(), name, &err), 0);
	/* An ended session that lingers leaves the name to others. */
	name_retire("mine", "2222222222222222");
	assert_int_equal(name_take("mine", "3333333333333333", getpid(), name, &err), 0);
	name_release(NULL, "2222222222222222");
}

static void names_of_the_dead_are_free(void **state)
{
	char name[SESSION_NAME_MAX];
	struct err err = {0};
	pid_t pid = fork();

	(void)state;
	if (pid == 0)
		_exit(name_take("late", "1111111111111111", getpid(), name, &err) ? 1 : 0);
	waitpid(pid, NULL, 0);
	assert_int_equal(name_take("late", "2222222222222222", getpid(), name, &err), 0);
}

#define STARTERS 300 /* more than there are made-up names */

static void many_starters_get_different_names(void **state)
{
	char names[STARTERS][SESSION_NAME_MAX];
	int go[2], out[2];

	(void)state;
	assert_int_equal(pipe(go), 0);
	assert_int_equal(pipe(out), 0);
	for (int i = 0; i < STARTERS; i++) {
		if (fork() == 0) {
			char name[SESSION_NAME_MAX] = "", id[SESSION_ID_LEN + 1], c;
			close(go[1]);
			runtime_new_id(id);
			/* All hold their names until everybody has one. */
			if (name_take(NULL, id, getpid(), name, NULL) < 0 ||
			    write(out[1], name, sizeof(name)) < 0)
				_exit(1);
			_exit(read(go[0], &c, 1) < 0);
		}
	}
	close(out[1]);
	for (int i = 0; i < STARTERS; i++) {
		assert_int_equal(read_full(out[0], names[i], SESSION_NAME_MAX), SESSION_NAME_MAX);
		for (int j = 0; j < i; j++)
			assert_string_not_equal(names[i], names[j]);
	}
	close(go[1]);
	close(go[0]);
	close(out[0]);
	while (wait(NULL) > 0)
		;
}

static void runtime_is_private_and_goes(void **state)
{
	char id[SESSION_ID_LEN + 1];
	struct runtime r;
	struct stat st;
	struct err err = {0};
	char *dir, *tmp;
	int fd;

	(void)state;
	runtime_new_id(id);
	assert_true(runtime_id_valid(id));
	assert_int_equal(runtime_create(id, &r, &err), 0);
	assert_int_equal(lstat(r.dir, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(lstat(r.tmp, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(strlen(r.token), TOKEN_LEN);
	fd = socket_connect_at(r.dir, "control.sock");
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(runtime_create(id, &(struct runtime){0}, &err), -1); /* never shared */
	dir = xstrdup(r.dir);
	tmp = xstrdup(r.tmp);
	runtime_remove(r.dir, r.tmp);
	runtime_free(&r);
	assert_int_equal(access(dir, F_OK), -1);
	assert_int_equal(access(tmp, F_OK), -1);
	free(dir);
	free(tmp);
}

static void foreign_tmp_directory_stops_the_start(void **state)
{
	const char *id = "abcdefabcdefabcd";
	_cleanup_free_ char *tmp = runtime_tmp_path(id), *dir = session_runtime_dir(id);
	struct runtime r;
	struct err err = {0};

	assert_int_equal(symlink((char *)*state, tmp), 0);
	assert_int_equal(runtime_create(id, &r, &err), -1);
	assert_non_null(strstr(err.msg, tmp));
	assert_int_equal(access(dir, F_OK), -1);
	unlink(tmp);
}

/* What an agent may leave in its temporary directory: depth, modes, links to elsewhere. */
static void hostile_trees_are_removed(void **state)
{
	_cleanup_free_ char *top = xasprintf("%s/tree", (char *)*state);
	_cleanup_free_ char *keep = xasprintf("%s/keep", (char *)*state);
	_cleanup_free_ char *kept = xasprintf("%s/file", keep);
	int fd, next;

	mkdir(top, 0700);
	mkdir(keep, 0700);
	close(open(kept, O_CREAT | O_WRONLY, 0600));
	fd = open(top, O_RDONLY | O_DIRECTORY);
	for (int i = 0; i < 3000; i++) {
		assert_int_equal(mkdirat(fd, "d", 0700), 0);
		assert_int_equal(symlinkat(keep, fd, "link"), 0);
		assert_int_equal(mkdirat(fd, "closed", 0), 0);
		next = openat(fd, "d", O_RDONLY | O_DIRECTORY);
		close(openat(fd, "file", O_CREAT | O_WRONLY, 0));
		if (i % 7 == 0)
			fchmod(fd, 0);
		close(fd);
		fd = next;
	}
	close(fd);
	assert_int_equal(remove_tree(top), 0);
	assert_int_equal(access(top, F_OK), -1);
	assert_int_equal(access(kept, F_OK), 0);
}

static void tree_is_found_and_killed(void **state)
{
	struct pid_list l = {0};
	pid_t child = fork();
	int status;

	(void)state;
	if (child == 0) {
		if (fork() == 0 && fork() == 0)
			setsid();
		for (;;)
			pause();
	}
	for (int i = 0; i < 2000 && l.n < 2; i++) {
		usleep(1000);
		tree_list(child, 0, &l);
	}
	assert_int_equal(l.n, 2);
	while (tree_kill(child, 0) > 0) {
		kill(child, SIGCONT);
		kill(child, SIGKILL);
		waitpid(child, &status, 0);
		break;
	}
	for (size_t i = 0; i < l.n; i++) {
		struct proc_stat st;
		for (int k = 0; k < 2000; k++) {
			if (proc_stat_read(l.v[i], &st) < 0 || st.state == 'Z')
				break;
			usleep(1000);
		}
		assert_true(proc_stat_read(l.v[i], &st) < 0 || st.state == 'Z');
	}
	pid_list_free(&l);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(empty_without_directory),
	    T(newest_first_and_live_only),
	    T(dead_supervisor_is_reconciled),
	    T(reused_pid_is_not_the_supervisor),
	    T(find_by_prefix_and_name),
	    T(damaged_records_are_skipped),
	    T(open_directory_is_closed),
	    T(linked_directory_is_refused),
	    T(prune_keeps_live_and_newest),
	    T(names_are_valid),
	    T(names_are_unique_and_come_back),
	    T(names_of_the_dead_are_free),
	    T(many_starters_get_different_names),
	    T(runtime_is_private_and_goes),
	    T(foreign_tmp_directory_stops_the_start),
	    T(hostile_trees_are_removed),
	    T(tree_is_found_and_killed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
