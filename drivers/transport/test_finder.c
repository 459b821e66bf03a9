/* The loop of a driver's discovery (finder.h) and what it tells (offers.h), on a source that the test plays. */
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "drivers/transport/finder.h"
#include "lib/limits.h"

typedef struct Source {
        TbFinder finder; /* first */
        int far, near;   /* a byte written to `far` is news */
        GPtrArray *uris; /* what is there now */
        const char *label, *text;
        const char *broken; /* why a look fails; NULL: it works */
        guint looks;
        bool all, keep;
} Source;

static struct {
        GHashTable *there; /* URI -> label */
        guint found, lost, events, faults, wells;
        char *fault, *text;
} told;

/* --- what the finder tells --- */
static void on_found(TbDiscovery *self G_GNUC_UNUSED, const char *uri, const char *label, const char *why,
                     json_t *properties_take)
{
        told.found++;
        g_hash_table_insert(told.there, g_strdup(uri), g_strdup(label));
        g_assert_true(g_utf8_validate(why, -1, NULL));
        g_free(told.text);
        told.text = g_strdup(json_string_value(json_object_get(properties_take, "serial")));
        json_decref(properties_take);
}

static void on_lost(TbDiscovery *self G_GNUC_UNUSED, const char *uri)
{
        told.lost++;
        g_assert_true(g_hash_table_remove(told.there, uri));
}

static void on_event(TbDiscovery *self G_GNUC_UNUSED, const char *type G_GNUC_UNUSED, json_t *data_take)
{
        told.events++;
        const char *serial = json_string_value(json_object_get(data_take, "serial"));
        g_assert_cmpuint(strlen(serial), <=, TB_LIMIT_FOUND_TEXT);
        json_decref(data_take);
}

static void on_fault(TbDiscovery *self G_GNUC_UNUSED, const char *reason)
{
        *(reason ? &told.faults : &told.wells) += 1;
        g_free(told.fault);
        told.fault = g_strdup(reason);
}

/* --- the source --- */
static guint listen_to(TbFinder *finder, struct pollfd *fds)
{
        fds[0] = (struct pollfd){.fd = ((Source *)finder)->near, .events = POLLIN};
        return 1;
}

static bool heard(TbFinder *finder G_GNUC_UNUSED, TbIo *io G_GNUC_UNUSED, const struct pollfd *fds,
                  bool *ret_look, GError **error)
{
        char byte;

        if (read(fds[0].fd, &byte, 1) != 1) {
                tb_set_error(error, TB_ERROR_GONE, "the source hung up");
                return false;
        }
        *ret_look = true;
        return true;
}

static bool look(TbFinder *finder, TbIo *io G_GNUC_UNUSED, bool all, GError **error)
{
        Source *s = (Source *)finder;

        s->looks++;
        s->all = all;
        if (s->keep)
                tb_offers_keep(finder->offers);
        for (guint i = 0; i < s->uris->len; i++) {
                json_t *properties = json_object();
                tb_offers_set(properties, "serial", s->text);
                tb_offers_add(finder->offers, s->uris->pdata[i], s->label, "the test says so", properties);
        }
        if (s->broken)
                tb_set_error(error, TB_ERROR_UNAVAILABLE, "%s", s->broken);
        return !s->broken;
}

static const TbFinderOps ops = {.listen = listen_to, .heard = heard, .look = look};

typedef struct Fixture {
        Source s;
        TbIo io;
} Fixture;

static void set_up(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
        g_autoptr(GError) error = NULL;
        int pair[2];

        g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), ==, 0);
        f->s = (Source){
                .finder.base = {.found = on_found, .lost = on_lost, .event = on_event, .fault = on_fault},
                .far = pair[0],
                .near = pair[1],
                .label = "a label",
                .uris = g_ptr_array_new_with_free_func(g_free)};
        tb_io_init_plain(&f->io);
        told.there = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
        g_assert_true(tb_finder_open(&f->s.finder, &ops, &error));
        g_assert_no_error(error);
}

static void tear_down(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
        tb_finder_close(&f->s.finder);
        g_assert_cmpuint(g_hash_table_size(told.there), ==, 0); /* nobody looks any more */
        g_hash_table_unref(told.there);
        g_free(told.fault);
        g_free(told.text);
        memset(&told, 0, sizeof told);
        g_ptr_array_unref(f->s.uris);
        tb_io_clear_plain(&f->io);
        close(f->s.near);
        if (f->s.far >= 0)
                close(f->s.far);
}

static void there(Fixture *f, const char *format, guint from, guint n)
{
        for (guint i = from; i < from + n; i++) {
                char number[16];
                g_snprintf(number, sizeof number, "%05u", i);
                g_ptr_array_add(f->s.uris, g_strconcat(format, number, NULL));
        }
}

static void pump(Fixture *f)
{
        g_autoptr(GError) error = NULL;

        g_assert_true(tb_finder_pump(&f->s.finder, &f->io, &error));
        g_assert_no_error(error);
}

static void news(Fixture *f)
{
        g_assert_cmpint(write(f->s.far, "", 1), ==, 1);
}

/* Says that there is news, and waits for the look. */
static void see(Fixture *f)
{
        guint before = f->s.looks;

        news(f);
        while (f->s.looks == before)
                pump(f);
}

/* --- what is told --- */
static void test_differences(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
        there(f, "x://", 0, 3);
        see(f);
        g_assert_cmpuint(told.found, ==, 3);
        see(f);
        g_assert_cmpuint(told.found, ==, 3); /* all as it was */
        g_ptr_array_remove_index(f->s.uris, 1);
        see(f);
        g_assert_cmpuint(told.lost, ==, 1);
        g_assert_false(g_hash_table_contains(told.there, "x://00001"));
        f->s.label = "another";
        see(f);
        g_assert_cmpuint(told.found, ==, 5);
        g_assert_cmpstr(g_hash_table_lookup(told.there, "x://00000"), ==, "another");
        g_ptr_array_set_size(f->s.uris, 0);
        f->s.keep = true;
        see(f);
        g_assert_cmpuint(told.lost, ==, 1); /* the look had nothing to say */
        g_assert_cmpuint(told.faults + told.wells, ==, 0);
}

static void test_count(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
        there(f, "x://", 0, TB_LIMIT_FOUND);
        see(f);
        g_assert_cmpuint(g_hash_table_size(told.there), ==, TB_LIMIT_FOUND);
        g_assert_cmpuint(told.faults, ==, 0);
        f->s.finder.next_us = 0; /* the pace is another test's */
        there(f, "y://", 0, 1);
        see(f);
        g_assert_cmpuint(g_hash_table_size(told.there), ==, TB_LIMIT_FOUND);
        g_assert_cmpuint(told.faults, ==, 1);
        g_assert_nonnull(strstr(told.fault, "more than 256 devices"));
        see(f);
        g_assert_cmpuint(told.faults, ==, 1); /* said once */
        g_ptr_array_set_size(f->s.uris, TB_LIMIT_FOUND);
        see(f);
        g_assert_cmpuint(told.wells, ==, 1);
}

static void test_texts(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
        g_autofree char *label = g_strnfill(TB_LIMIT_LABEL + 1, 'l');
        g_autofree char *text = g_strnfill(TB_LIMIT_FOUND_TEXT + 1, 't');
        json_t *event = json_pack("{s:s}", "serial", text);

        there(f, "x://", 0, 1);
        f->s.label = label;
        f->s.text = text;
        see(f);
        g_assert_cmpuint(strlen(g_hash_table_lookup(told.there, "x://00000")), ==, TB_LIMIT_LABEL);
        g_assert_cmpuint(strlen(told.text), ==, TB_LIMIT_FOUND_TEXT);
        tb_finder_event(&f->s.finder, "test.state", event);
        g_assert_cmpuint(told.events, ==, 1);
        f->s.label = f->s.text = "\xff\xfe caf\xc3";
        see(f);
        g_assert_cmpstr(told.text, ==, "\xef\xbf\xbd\xef\xbf\xbd caf\xef\xbf\xbd");
        g_assert_cmpstr(g_hash_table_lookup(told.there, "x://00000"), ==, told.text);
        text[TB_LIMIT_FOUND_TEXT] = '\0'; /* as long as it may be */
        f->s.text = text;
        see(f);
        g_assert_cmpstr(told.text, ==, text);
}

/* A name that is cut would be another device's. */
static void test_names(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
        static const char *const bad[] = {"x://\xff", "x://a\nb", "x://a\x1b[2J"};
        char *longest = g_strnfill(TB_LIMIT_FOUND_URI, 'x');

        g_ptr_array_add(f->s.uris, longest);
        see(f);
        g_assert_cmpuint(told.found, ==, 1);
        g_assert_cmpuint(told.faults, ==, 0);
        g_ptr_array_add(f->s.uris, g_strnfill(TB_LIMIT_FOUND_URI + 1, 'x'));
        see(f);
        g_assert_cmpuint(told.found, ==, 1);
        g_assert_nonnull(strstr(told.fault, "longer than 512 bytes"));
        for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
                g_ptr_array_set_size(f->s.uris, 1);
                g_ptr_array_add(f->s.uris, g_strdup(bad[i]));
                see(f);
                g_assert_cmpuint(told.found, ==, 1);
                g_assert_nonnull(told.fault);
        }
        g_ptr_array_set_size(f->s.uris, 1);
        g_ptr_array_add(f->s.uris, g_strdup(longest)); /* two of one name */
        see(f);
        see(f);
        g_assert_cmpuint(told.found, ==, 1);
        g_assert_nonnull(strstr(told.fault, "one name"));
}

/* --- pace --- */
static bool unread(const Fixture *f)
{
        struct pollfd p = {.fd = f->s.near, .events = POLLIN};

        return poll(&p, 1, 0) == 1;
}

/* New serials in each list: the bus gets TB_LIMIT_FOUND_PER_S, and the source waits. */
static void test_flood(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
        there(f, "x://", 0, TB_LIMIT_FOUND);
        gint64 start = g_get_monotonic_time();
        see(f);
        gint64 pause_us = f->s.finder.next_us - start;
        g_assert_cmpint(pause_us, >=,
                        (TB_LIMIT_FOUND - TB_LIMIT_FOUND_BURST) * G_USEC_PER_SEC / TB_LIMIT_FOUND_PER_S);
        g_ptr_array_set_size(f->s.uris, 0);
        there(f, "y://", 0, TB_LIMIT_FOUND);
        news(f);
        pump(f); /* heard, not due */
        news(f);
        f->io.deadline_us = g_get_monotonic_time();
        pump(f);
        pump(f);
        g_assert_true(unread(f));
        g_assert_cmpuint(f->s.looks, ==, 1);
        g_assert_cmpuint(told.found, ==, TB_LIMIT_FOUND);
}

/* A burst is one look. */
static void test_burst(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
        there(f, "x://", 0, 1);
        see(f);
        gint64 first = g_get_monotonic_time();
        for (guint i = 0; i < 10; i++)
                news(f);
        while (f->s.looks == 1)
                pump(f);
        g_assert_cmpint(g_get_monotonic_time() - first, >=, (TB_LIMIT_LOOK_PAUSE_MS - 50) * 1000);
}

/* --- failures --- */
static void test_look_fails(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
        there(f, "x://", 0, 2);
        see(f);
        f->s.broken = "the folder is locked";
        see(f);
        g_assert_cmpuint(told.faults, ==, 1);
        g_assert_cmpstr(told.fault, ==, "the folder is locked");
        g_assert_cmpuint(g_hash_table_size(told.there), ==, 2); /* what cannot be seen is not gone */
        int first_ms = f->s.finder.retry_ms;
        while (f->s.looks < 3) /* it tries again by itself */
                pump(f);
        g_assert_cmpint(f->s.finder.retry_ms, >, first_ms);
        g_assert_cmpuint(told.faults, ==, 1);
        f->s.broken = NULL;
        while (told.wells == 0)
                pump(f);
        g_assert_true(f->s.all);
        g_assert_null(told.fault);
        g_assert_cmpuint(told.lost, ==, 0);
}

/* Without descriptors every folder seems empty. */
static void test_no_descriptors(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
        struct rlimit before, few;

        there(f, "x://", 0, 2);
        see(f);
        g_assert_cmpint(getrlimit(RLIMIT_NOFILE, &before), ==, 0);
        few = before;
        few.rlim_cur = 3;
        g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &few), ==, 0);
        g_ptr_array_set_size(f->s.uris, 0);
        news(f);
        while (told.faults == 0)
                pump(f);
        g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &before), ==, 0);
        g_assert_nonnull(strstr(told.fault, "Too many open files"));
        g_assert_cmpuint(f->s.looks, ==, 1);
        g_assert_cmpuint(told.lost, ==, 0);
        while (told.wells == 0)
                pump(f);
        g_assert_cmpuint(told.lost, ==, 2);
}

static void test_source_ends(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
        g_autoptr(GError) error = NULL;

        close(f->s.far);
        f->s.far = -1;
        g_assert_false(tb_finder_pump(&f->s.finder, &f->io, &error));
        g_assert_error(error, TB_ERROR, TB_ERROR_GONE);
}

static void test_interrupted(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
        there(f, "x://", 0, 1);
        f->s.broken = "it takes long to try again";
        see(f);
        tb_interruptor_raise(f->io.stop); /* in the pause, and while data waits */
        news(f);
        pump(f);
        g_assert_cmpuint(f->s.looks, ==, 1);
        tb_interruptor_lower(f->io.stop);
        TbInterruptor *wake = tb_interruptor_new();
        f->io.wake = wake;
        f->io.in_pump = true;
        tb_interruptor_raise(wake);
        pump(f); /* a command of the bus is served between */
        g_assert_cmpuint(f->s.looks, ==, 1);
        tb_interruptor_free(wake);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
#define ADD(name, test) g_test_add("/finder/" name, Fixture, NULL, set_up, test, tear_down)
        ADD("differences", test_differences);
        ADD("count", test_count);
        ADD("texts", test_texts);
        ADD("names", test_names);
        ADD("flood", test_flood);
        ADD("burst", test_burst);
        ADD("look-fails", test_look_fails);
        ADD("no-descriptors", test_no_descriptors);
        ADD("source-ends", test_source_ends);
        ADD("interrupted", test_interrupted);
        return g_test_run();
}
