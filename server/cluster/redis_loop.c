/* hiredis on GLib's main loop: it says when its socket is to be read or written. */
#include "server/cluster/redis_private.h"

static gboolean on_socket(GSource *source, GSourceFunc callback G_GNUC_UNUSED, gpointer data G_GNUC_UNUSED);

typedef struct Poll {
        GSource source;
        TbRedisLine *line; /* borrowed */
        GIOCondition wants;
} Poll;

static GSourceFuncs poll_funcs = {.dispatch = on_socket};

static gboolean on_socket(GSource *source, GSourceFunc callback G_GNUC_UNUSED, gpointer data G_GNUC_UNUSED)
{
        TbRedisLine *line = ((Poll *)source)->line;
        GIOCondition got = g_source_query_unix_fd(source, line->tag);
        g_source_ref(source); /* the connection may end in here */
        if (got & (G_IO_OUT | G_IO_ERR | G_IO_HUP) && line->ac)
                redisAsyncHandleWrite(line->ac);
        if (!g_source_is_destroyed(source) && got & (G_IO_IN | G_IO_ERR | G_IO_HUP) && line->ac) {
                redisAsyncHandleRead(line->ac);
                if (!g_source_is_destroyed(source) && line->ac && line->ac->c.reader &&
                    line->ac->c.reader->len - line->ac->c.reader->pos > TB_LIMIT_REDIS_ANSWER)
                        tb_redis_line_failed(line, "it says more in one answer than is taken");
        }
        g_source_unref(source);
        return G_SOURCE_CONTINUE;
}

static void want(gpointer data, GIOCondition more, GIOCondition less)
{
        TbRedisLine *line = data;
        if (!line->poll)
                return;
        Poll *poll = (Poll *)line->poll;
        poll->wants = (poll->wants | more) & ~less;
        g_source_modify_unix_fd(line->poll, line->tag, poll->wants);
}

static void add_read(void *line)
{
        want(line, G_IO_IN, 0);
}

static void delete_read(void *line)
{
        want(line, 0, G_IO_IN);
}

static void add_write(void *line)
{
        want(line, G_IO_OUT, 0);
}

static void delete_write(void *line)
{
        want(line, 0, G_IO_OUT);
}

static void cleanup(void *data)
{
        TbRedisLine *line = data;
        if (!line->poll)
                return;
        g_source_destroy(line->poll);
        g_clear_pointer(&line->poll, g_source_unref);
}

void tb_redis_attach(TbRedisLine *line)
{
        line->poll = g_source_new(&poll_funcs, sizeof(Poll));
        ((Poll *)line->poll)->line = line;
        line->tag = g_source_add_unix_fd(line->poll, line->ac->c.fd, 0);
        g_source_attach(line->poll, NULL);
        line->ac->ev.data = line;
        line->ac->ev.addRead = add_read;
        line->ac->ev.delRead = delete_read;
        line->ac->ev.addWrite = add_write;
        line->ac->ev.delWrite = delete_write;
        line->ac->ev.cleanup = cleanup;
}
