#include "server/views.h"

#include "lib/error.h"
#include "lib/limits.h"
#include "lib/log.h"
#include "lib/thread.h"
#include "tests/unit/server/pairing_rig.h"

typedef struct Bench {
        World w;
        TbViews *views;
} Bench;

static void on_list(const TbListChange *change, gpointer data)
{
        Bench *b = data;
        if (b->views)
                tb_views_changed(b->views, change, b->w.now);
}

static void begin(Bench *b)
{
        *b = (Bench){.w = {.hosts = tb_auth_new(), .now = 1700000000000}};
        b->w.pairing = tb_pairing_new(&(TbPairingOptions){
                .ops = &ops, .ice = &no_ice, .hosts = b->w.hosts, .list_changed = on_list, .data = b});
        b->views = tb_views_new(b->w.pairing);
}

static void end(Bench *b)
{
        tb_views_free(g_steal_pointer(&b->views));
        teardown(&b->w);
}

static Line *host(Bench *b, const char *name, const char *device)
{
        Line *line = dial(&b->w);
        tell(&b->w, line,
             json_pack("{s:s, s:s, s:s, s:[{s:s}]}", "type", "hello", "role", "host", "host", name, "devices",
                       "id", device));
        return line;
}

static void label(Bench *b, Line *line, const char *device, const char *text)
{
        tell(&b->w, line,
             json_pack("{s:s, s:[{s:s, s:s}]}", "type", "devices", "devices", "id", device, "label", text));
}

/* Who is told: the newest message, and how many. */
typedef struct Heard {
        json_t *last;
        guint n;
        bool slow;
} Heard;

static bool hear(const char *text, gsize size, gpointer data)
{
        Heard *h = data;
        if (h->slow)
                return false;
        json_decref(h->last);
        h->last = tb_json_parse(text, size, NULL);
        g_assert_nonnull(h->last);
        h->n++;
        return true;
}

static void pass(Bench *b, gint64 ms)
{
        b->w.now += ms;
        tb_views_tick(b->views, b->w.now);
}

static TbCaller admin = {.user = (char *)"root", .role = TB_ROLE_ADMIN};

static TbViewReader *read_list(Bench *b, const TbViewAsk *ask, const char *has, Heard *heard)
{
        g_autoptr(GError) error = NULL;
        TbViewReader *reader = tb_views_read(b->views, ask, has, b->w.now, hear, heard, &error);
        g_assert_no_error(error);
        return reader;
}

static const char *etag(const Heard *h)
{
        return text_of(h->last, "etag");
}

/* One version for all who see the same; who has it gets nothing; each change is another. */
static void test_etag(void)
{
        Bench b;
        begin(&b);
        Line *lab = host(&b, "lab-1", "board");
        const TbViewAsk ask = {TB_VIEW_HOSTS, &admin, NULL};
        g_autofree char *one = NULL, *same = NULL, *other = NULL;
        GBytes *text = tb_views_text(b.views, &ask, NULL, b.w.now, &one);
        g_assert_nonnull(text);
        TbCaller viewer = {.user = (char *)"anna", .role = TB_ROLE_VIEWER};
        const TbViewAsk as_anna = {TB_VIEW_HOSTS, &viewer, NULL};
        g_assert_null(tb_views_text(b.views, &as_anna, one, b.w.now, &same)); /* she sees all, too */
        g_assert_cmpstr(one, ==, same);
        label(&b, lab, "board", "other");
        GBytes *next =
                tb_views_text(b.views, &ask, one, b.w.now, &other); /* at once: who changed it sees it */
        g_assert_nonnull(g_strstr_len(g_bytes_get_data(next, NULL), -1, "other"));
        g_assert_cmpstr(one, !=, other);
        g_bytes_unref(text);
        g_bytes_unref(next);
        hang_up(&b.w, lab);
        end(&b);
}

/* Only what is another is told, once for all that happened in a moment, and of hosts of which a reader knows. */
static void test_changes(void)
{
        Bench b;
        begin(&b);
        Line *one = host(&b, "lab-1", "board"), *two = host(&b, "lab-2", "board");
        TbGrants *grants = tb_grants_new();
        tb_grants_add(grants, "lab-2", TB_ROLE_VIEWER);
        TbCaller narrow = {.user = (char *)"bert", .role = TB_ROLE_OPERATOR, .grants = grants};
        Heard all = {0}, some = {0}, devices = {0};
        TbViewReader *readers[] = {
                read_list(&b, &(TbViewAsk){TB_VIEW_HOSTS, &admin, NULL}, NULL, &all),
                read_list(&b, &(TbViewAsk){TB_VIEW_HOSTS, &narrow, NULL}, NULL, &some),
                read_list(&b, &(TbViewAsk){TB_VIEW_DEVICES, &admin, "lab-1/*"}, NULL, &devices)};
        g_assert_cmpuint(json_array_size(json_object_get(all.last, "rows")), ==, 2);
        g_assert_cmpuint(json_array_size(json_object_get(some.last, "rows")), ==, 1);
        g_autofree char *before = g_strdup(etag(&all));
        label(&b, one, "board", "a");
        label(&b, one, "board", "b");
        pass(&b, 400);
        g_assert_cmpuint(all.n, ==, 2);
        g_assert_cmpuint(some.n, ==, 1); /* not even that something happened */
        g_assert_cmpstr(text_of(all.last, "from"), ==, before);
        json_t *set = json_object_get(all.last, "set");
        g_assert_cmpuint(json_array_size(set), ==, 1);
        g_assert_cmpstr(text_of(json_array_get(set, 0), "name"), ==, "lab-1");
        g_assert_cmpstr(text_of(json_array_get(json_object_get(devices.last, "set"), 0), "id"), ==,
                        "lab-1/board");
        label(&b, one, "board", "b");
        pass(&b, 400);
        g_assert_cmpuint(all.n, ==, 2); /* it is as it was told */
        hang_up(&b.w, two);
        b.w.now += 1;
        tell(&b.w, one, json_pack("{s:s}", "type", "ping"));
        pass(&b, 400);
        g_assert_cmpuint(all.n, ==, 3);
        g_assert_cmpuint(some.n, ==, 2);
        g_assert_false(json_boolean_value(
                json_object_get(json_array_get(json_object_get(some.last, "set"), 0), "online")));
        for (guint i = 0; i < G_N_ELEMENTS(readers); i++)
                tb_view_reader_free(readers[i]);
        json_decref(all.last);
        json_decref(some.last);
        json_decref(devices.last);
        hang_up(&b.w, one);
        end(&b);
        tb_grants_unref(grants);
}

/* A session is its maker's and an admin's; who comes and its end are told. */
static void test_sessions(void)
{
        Bench b;
        begin(&b);
        TbCaller anna = {.user = (char *)"net", .role = TB_ROLE_OPERATOR},
                 bert = {.user = (char *)"bert", .role = TB_ROLE_OPERATOR};
        Heard own = {0}, others = {0};
        TbViewReader *readers[] = {read_list(&b, &(TbViewAsk){TB_VIEW_SESSIONS, &anna, NULL}, NULL, &own),
                                   read_list(&b, &(TbViewAsk){TB_VIEW_SESSIONS, &bert, NULL}, NULL, &others)};
        g_autofree char *token = NULL;
        TbSession *session = create(&b.w, &token);
        g_autofree char *id = g_strdup(tb_session_id(session));
        pass(&b, 400);
        g_assert_cmpstr(text_of(json_array_get(json_object_get(own.last, "set"), 0), "sessionId"), ==, id);
        Line *desktop = join(&b.w, "desktop", id, token);
        pass(&b, 400);
        json_t *row = json_array_get(json_object_get(own.last, "set"), 0);
        g_assert_cmpuint(json_array_size(json_object_get(row, "people")), ==, 1);
        tb_pairing_end(b.w.pairing, session);
        pass(&b, 400);
        g_assert_cmpstr(json_string_value(json_array_get(json_object_get(own.last, "keys"), 0)), ==, id);
        g_assert_cmpuint(json_array_size(json_object_get(own.last, "set")), ==, 0);
        g_assert_cmpuint(others.n, ==, 1);
        for (guint i = 0; i < G_N_ELEMENTS(readers); i++)
                tb_view_reader_free(readers[i]);
        json_decref(own.last);
        json_decref(others.last);
        hang_up(&b.w, desktop);
        end(&b);
}

/* Who comes back with what he has is told that alone; who is slow is told to ask; what is long is not told. */
static void test_again(void)
{
        Bench b;
        begin(&b);
        Line *lab = host(&b, "lab-1", "board");
        const TbViewAsk ask = {TB_VIEW_HOSTS, &admin, NULL};
        Heard heard = {0}, again = {0};
        TbViewReader *reader = read_list(&b, &ask, NULL, &heard),
                     *second = read_list(&b, &ask, etag(&heard), &again);
        g_assert_null(json_object_get(again.last, "rows"));
        g_assert_null(json_object_get(again.last, "get"));
        again.slow = true;
        label(&b, lab, "board", "x");
        pass(&b, 400);
        again.slow = false;
        label(&b, lab, "board", "y");
        pass(&b, 400);
        g_assert_cmpuint(again.n, ==, 1); /* what came between is missing: no change fits */
        tb_view_reader_caught_up(second);
        g_assert_cmpstr(text_of(again.last, "get"), ==, "api/hosts");
        g_assert_cmpstr(etag(&again), ==, etag(&heard));
        tb_view_reader_free(reader);
        tb_view_reader_free(second);
        json_decref(heard.last);
        json_decref(again.last);
        hang_up(&b.w, lab);
        end(&b);
}

/* A list of so many bytes; each device has one. */
static void fill(Bench *b, Line *line, gsize bytes)
{
        json_t *list = json_array();
        g_autofree char *text = g_strnfill(TB_LIMIT_LABEL, 'x');
        for (guint i = 0; i < bytes / TB_LIMIT_LABEL; i++) {
                g_autofree char *id = g_strdup_printf("d%u", i);
                json_array_append_new(list, json_pack("{s:s, s:s}", "id", id, "label", text));
        }
        tell(&b->w, line, json_pack("{s:s, s:o}", "type", "devices", "devices", list));
}

/* TB_LIMIT_LIST_FIRST bytes of rows come at once, TB_LIMIT_LIST_TOLD of changes; beyond that a reader is to ask. */
static void test_large(void)
{
        Bench b;
        begin(&b);
        enum { HOSTS = TB_LIMIT_LIST_TOLD / 40000 + 2 };
        Line *lines[HOSTS];
        for (guint i = 0; i < HOSTS; i++) {
                g_autofree char *name = g_strdup_printf("h%u", i);
                lines[i] = host(&b, name, "d");
        }
        fill(&b, lines[0], 20000);
        const TbViewAsk ask = {TB_VIEW_HOSTS, &admin, NULL};
        Heard small = {0}, large = {0};
        TbViewReader *one = read_list(&b, &ask, NULL, &small);
        g_assert_nonnull(json_object_get(small.last, "rows"));
        fill(&b, lines[0], 40000);
        fill(&b, lines[1], 40000);
        TbViewReader *two = read_list(&b, &ask, NULL, &large);
        G_STATIC_ASSERT(2 * 40000 > TB_LIMIT_LIST_FIRST);
        g_assert_cmpstr(text_of(large.last, "get"), ==, "api/hosts");
        pass(&b, 400);
        g_assert_nonnull(json_object_get(small.last, "set"));
        for (guint i = 0; i < HOSTS; i++)
                fill(&b, lines[i], 42000);
        pass(&b, 400);
        g_assert_null(json_object_get(small.last, "set"));
        g_assert_cmpstr(text_of(small.last, "get"), ==, "api/hosts");
        tb_view_reader_free(one);
        tb_view_reader_free(two);
        json_decref(small.last);
        json_decref(large.last);
        for (guint i = 0; i < HOSTS; i++)
                hang_up(&b.w, lines[i]);
        end(&b);
}

/* TB_LIMIT_LIST_VIEWS different ones, TB_LIMIT_LIST_READERS readers; who only asks is answered all the same. */
static void test_bounds(void)
{
        Bench b;
        begin(&b);
        g_autoptr(GPtrArray) readers = g_ptr_array_new_with_free_func((GDestroyNotify)tb_view_reader_free);
        g_autoptr(GError) error = NULL;
        Heard heard = {0};
        for (guint i = 0; i < TB_LIMIT_LIST_VIEWS; i++) {
                g_autofree char *only = g_strdup_printf("lab-%u", i);
                g_ptr_array_add(readers,
                                read_list(&b, &(TbViewAsk){TB_VIEW_HOSTS, &admin, only}, NULL, &heard));
        }
        const TbViewAsk more = {TB_VIEW_HOSTS, &admin, "lab-x"};
        g_assert_null(tb_views_read(b.views, &more, NULL, b.w.now, hear, &heard, &error));
        g_assert_error(error, TB_ERROR, TB_ERROR_LIMIT);
        g_clear_error(&error);
        g_autofree char *tag = NULL;
        GBytes *text = tb_views_text(b.views, &more, NULL, b.w.now, &tag);
        g_assert_nonnull(text);
        g_bytes_unref(text);
        const TbViewAsk known = {TB_VIEW_HOSTS, &admin, "lab-1"};
        while (readers->len < TB_LIMIT_LIST_READERS)
                g_ptr_array_add(readers, read_list(&b, &known, NULL, &heard));
        g_assert_null(tb_views_read(b.views, &known, NULL, b.w.now, hear, &heard, &error));
        g_assert_error(error, TB_ERROR, TB_ERROR_LIMIT);
        json_decref(heard.last);
        g_ptr_array_set_size(readers, 0);
        end(&b);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        tb_main_init(NULL);
        tb_log_init(TB_LOG_ERROR, false);
        g_test_add_func("/views/etag", test_etag);
        g_test_add_func("/views/changes", test_changes);
        g_test_add_func("/views/sessions", test_sessions);
        g_test_add_func("/views/again", test_again);
        g_test_add_func("/views/large", test_large);
        g_test_add_func("/views/bounds", test_bounds);
        int rc = g_test_run();
        tb_main_stop();
        return rc;
}
