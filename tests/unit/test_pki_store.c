#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pki/fs.h"
#include "pki/store.h"

/* The index and the files. */

enum { FOUND_MAX = 256 };

struct dir {
	char path[32], db[64];
	int fd;
};

static int set_up(void **state)
{
	struct dir *d = calloc(1, sizeof(*d));

	assert_non_null(d);
	(void)snprintf(d->path, sizeof(d->path), "/tmp/pki-store-XXXXXX");
	assert_non_null(mkdtemp(d->path));
	(void)snprintf(d->db, sizeof(d->db), "%s/index.db", d->path);
	d->fd = open(d->path, O_RDONLY | O_DIRECTORY);
	*state = d;
	return 0;
}

static int tear_down(void **state)
{
	static const char *const names[] = { "index.db", "index.db-wal", "index.db-shm", "a",
		"lock" };
	struct dir *d = *state;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		(void)fs_remove(d->fd, names[i]);
	(void)close(d->fd);
	assert_int_equal(rmdir(d->path), 0);
	free(d);
	return 0;
}

static void add(struct store *s, const char *serial, const char *name, int64_t not_after)
{
	const struct store_cert c = {
		.serial = serial,
		.issuer = "ca",
		.kind = "client",
		.name = name,
		.sans = "",
	};

	assert_int_equal(store_begin(s), 0);
	assert_int_equal(store_reserve(s, &c), 0);
	assert_int_equal(store_set_issued(s, serial, 100, not_after), 0);
	assert_int_equal(store_commit(s), 0);
}

static int append(const struct store_cert *c, void *arg)
{
	char *out = arg;
	size_t n = strlen(out);

	(void)snprintf(out + n, FOUND_MAX - n, "%s ", c->serial);
	return 0;
}

static const char *find(struct store *s, struct store_filter f)
{
	static char out[FOUND_MAX];

	out[0] = '\0';
	assert_int_equal(store_each(s, &f, append, out), 0);
	return out;
}

static void test_life(void **state)
{
	struct dir *d = *state;
	struct store *s = NULL;
	const struct store_cert again = {
		.serial = "01", .issuer = "ca", .kind = "client", .name = "a", .sans = ""
	};

	assert_int_equal(store_open(d->db, STORE_WRITE, &s), -ENOENT);
	assert_int_equal(store_open(d->db, STORE_READ, &s), -ENOENT);
	assert_int_equal(store_open(d->db, STORE_CREATE, &s), 0);
	add(s, "01", "alice", 200);
	add(s, "02", "bob", 300);
	add(s, "03", "alice", 400);
	assert_string_equal(find(s, (struct store_filter){ 0 }), "01 02 03 ");
	assert_string_equal(find(s, (struct store_filter){ .newest_first = true }), "03 02 01 ");
	assert_string_equal(find(s, (struct store_filter){ .name = "alice" }), "01 03 ");
	assert_string_equal(find(s, (struct store_filter){ .name_glob = "?o*" }), "02 ");
	assert_string_equal(find(s, (struct store_filter){ .serial = "02" }), "02 ");
	assert_string_equal(find(s, (struct store_filter){ .valid_at = 300 }), "02 03 ");
	assert_string_equal(find(s, (struct store_filter){ .expired_at = 300 }), "01 ");
	assert_string_equal(find(s, (struct store_filter){ .kind = "server" }), "");

	/* A serial is used once. */
	assert_int_equal(store_begin(s), 0);
	assert_int_equal(store_reserve(s, &again), -EEXIST);
	store_rollback(s);
	assert_int_equal(store_set_issued(s, "01", 1, 2), -ENOENT);
	assert_int_equal(store_set_abandoned(s, "01"), -ENOENT);

	assert_int_equal(store_set_revoked(s, "02", 150, 1), 0);
	assert_int_equal(store_set_revoked(s, "02", 160, 4), -ENOENT);
	assert_int_equal(store_set_revoked(s, "09", 160, 4), -ENOENT);
	assert_string_equal(find(s, (struct store_filter){ .revoked = true }), "02 ");
	assert_string_equal(find(s, (struct store_filter){ .not_revoked = true }), "01 03 ");
	store_close(s);

	assert_int_equal(store_open(d->db, STORE_READ, &s), 0);
	assert_string_equal(find(s, (struct store_filter){ .revoked = true }), "02 ");
	store_close(s);
	store_close(NULL);
}

static void test_rollback(void **state)
{
	struct dir *d = *state;
	struct store *s = NULL;
	char value[16];

	assert_int_equal(store_open(d->db, STORE_CREATE, &s), 0);
	assert_int_equal(store_meta(s, "k", value, sizeof(value)), -ENOENT);
	assert_int_equal(store_begin(s), 0);
	assert_int_equal(store_set_meta(s, "k", "v"), 0);
	store_close(s); /* Without a commit. */
	assert_int_equal(store_open(d->db, STORE_CREATE, &s), 0);
	assert_int_equal(store_meta(s, "k", value, sizeof(value)), -ENOENT);
	assert_int_equal(store_set_meta(s, "k", "v"), 0);
	assert_int_equal(store_meta(s, "k", value, sizeof(value)), 0);
	assert_string_equal(value, "v");
	assert_int_equal(store_meta(s, "k", value, 1), -EBADMSG);
	store_close(s);
}

static size_t listed(struct store *s)
{
	struct crl_entry *e = NULL;
	size_t n = 99;

	assert_int_equal(store_revoked(s, "ca", &e, &n), 0);
	for (size_t i = 1; i < n; i++)
		assert_true(strcmp(e[i - 1].serial.text, e[i].serial.text) < 0);
	free(e);
	return n;
}

static void add_crl(struct store *s, int64_t number, int64_t this_update)
{
	const struct store_crl crl = { .number = number, .this_update = this_update };

	assert_int_equal(store_begin(s), 0);
	assert_int_equal(store_add_crl(s, &crl, "ca"), 0);
	assert_int_equal(store_commit(s), 0);
}

static void test_crl(void **state)
{
	struct dir *d = *state;
	struct store_crl last;
	struct store *s = NULL;

	assert_int_equal(store_open(d->db, STORE_CREATE, &s), 0);
	assert_int_equal(store_last_crl(s, &last), -ENOENT);
	add(s, "02", "a", 200);
	add(s, "01", "b", 1000);
	assert_int_equal(listed(s), 0);
	assert_int_equal(store_set_revoked(s, "01", 150, 0), 0);
	assert_int_equal(store_set_revoked(s, "02", 150, 0), 0);
	assert_int_equal(store_pending(s), 2);
	assert_int_equal(listed(s), 2);
	add_crl(s, 5, 150);
	assert_int_equal(store_pending(s), 0);
	assert_int_equal(listed(s), 2);
	/* 02 expires at 200: the first CRL after that still has it, the second no longer. */
	add_crl(s, 6, 250);
	assert_int_equal(listed(s), 1);
	assert_int_equal(store_last_crl(s, &last), 0);
	assert_int_equal(last.number, 6);
	store_close(s);
}

static void test_files(void **state)
{
	struct dir *d = *state;
	char *text = NULL;
	size_t len = 0;

	assert_int_equal(fs_create(d->fd, "a", FS_SECRET, "one", 3), 0);
	assert_int_equal(fs_create(d->fd, "a", FS_SECRET, "two", 3), -EEXIST);
	assert_int_equal(fs_read(d->fd, "a", &text, &len), 0);
	assert_string_equal(text, "one");
	free(text);
	assert_int_equal(fs_replace(d->fd, "a", FS_PUBLIC, "three", 5), 0);
	assert_int_equal(fs_read(d->fd, "a", &text, &len), 0);
	assert_string_equal(text, "three");
	assert_int_equal(len, 5);
	free(text);
	assert_int_equal(fs_read_secret(d->fd, "a", &text, &len), -EPERM);
	assert_int_equal(fs_read(d->fd, "none", &text, &len), -ENOENT);
	assert_int_equal(fs_read(d->fd, ".", &text, &len), -EINVAL);
	assert_int_equal(fs_create(d->fd, "none/a", FS_SECRET, "x", 1), -ENOENT);
	assert_int_equal(fs_remove(d->fd, "none"), 0);

	int lock = fs_lock(d->fd, "lock", 0);
	assert_true(lock >= 0);
	assert_int_equal(fs_lock(d->fd, "lock", 0), -EWOULDBLOCK);
	(void)close(lock);
	lock = fs_lock(d->fd, "lock", 0);
	assert_true(lock >= 0);
	(void)close(lock);

	int fd = openat(d->fd, ".tmp-left", O_CREAT | O_WRONLY, 0600);
	assert_true(fd >= 0);
	(void)close(fd);
	assert_int_equal(fs_sweep(d->fd), 0);
	assert_false(fs_exists(d->fd, ".tmp-left"));
	assert_true(fs_exists(d->fd, "a"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_life, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_rollback, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_crl, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_files, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
