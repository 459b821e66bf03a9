#include "drivers/qemu/qmp.h"

#include <string.h>

#include "lib/error.h"

#define ANSWER_MS 5000

struct TbQemuQmp {
        TbTransport *transport; /* owned */
        GByteArray *in;         /* owned; not yet parsed */
        gint64 next_id;
        void (*event)(gpointer data, const char *name, json_t *value);
        gpointer data; /* borrowed */
};

/* Takes one message that is not an event out of the buffer: 1, or 0 when there is none, -1 with an error. */
static int next(TbQemuQmp *qmp, TbQemuQmpMessage *ret, GError **error)
{
        for (;;) {
                gssize n = tb_qemu_qmp_parse((const char *)qmp->in->data, qmp->in->len, ret);
                if (n == 0)
                        return 0;
                if (n < 0) {
                        tb_set_error(error, TB_ERROR_DEVICE,
                                     "what QEMU sent on its control connection is not QMP: is \"program\" a "
                                     "QEMU?");
                        return -1;
                }
                g_byte_array_remove_range(qmp->in, 0, (guint)n);
                if (ret->kind != TB_QEMU_QMP_EVENT)
                        return 1;
                qmp->event(qmp->data, ret->text, ret->value);
                tb_qemu_qmp_message_clear(ret);
        }
}

static bool wait_message(TbQemuQmp *qmp, TbIo *io, TbQemuQmpMessage *ret, GError **error)
{
        gint64 end = g_get_monotonic_time() + ANSWER_MS * 1000;
        for (;;) {
                int got = next(qmp, ret, error);
                if (got != 0)
                        return got > 0;
                guint8 buf[4096];
                int left = (int)MAX((end - g_get_monotonic_time()) / 1000, 0);
                gssize n = tb_transport_read(qmp->transport, io, buf, sizeof buf, left, error);
                if (n == 0)
                        tb_set_error(error, TB_ERROR_GONE, "QEMU closed its control connection");
                if (n <= 0)
                        return false;
                g_byte_array_append(qmp->in, buf, (guint)n);
        }
}

bool tb_qemu_qmp_run(TbQemuQmp *qmp, TbIo *io, const char *name, json_t *arguments, json_t **ret_value,
                     GError **error)
{
        gint64 id = qmp->next_id++;
        g_autofree char *line = tb_qemu_qmp_command(id, name, arguments);
        if (!tb_transport_write(qmp->transport, io, line, strlen(line), ANSWER_MS, error))
                return false;
        for (;;) {
                TbQemuQmpMessage m;
                if (!wait_message(qmp, io, &m, error))
                        return false;
                bool mine = m.id == id; /* an older one was given up by its caller */
                bool ok = m.kind == TB_QEMU_QMP_RETURN;
                if (mine && ok && ret_value)
                        *ret_value = json_incref(m.value);
                if (mine && !ok)
                        tb_set_error(error, TB_ERROR_UNPROCESSABLE, "QEMU refused %s: %s", name,
                                     m.text ? m.text : "no reason given");
                tb_qemu_qmp_message_clear(&m);
                if (mine)
                        return ok;
        }
}

TbQemuQmp *tb_qemu_qmp_open(TbIo *io, const char *path, void (*event)(gpointer, const char *, json_t *),
                            gpointer data, GError **error)
{
        TbTransport *transport = tb_transport_unix(io, path, ANSWER_MS, error);
        if (!transport)
                return NULL;
        TbQemuQmp *qmp = g_new0(TbQemuQmp, 1);
        qmp->transport = transport;
        qmp->in = g_byte_array_new();
        qmp->event = event;
        qmp->data = data;
        TbQemuQmpMessage hello;
        bool ok = wait_message(qmp, io, &hello, error);
        if (ok) {
                ok = hello.kind == TB_QEMU_QMP_GREETING;
                if (!ok)
                        tb_set_error(error, TB_ERROR_DEVICE,
                                     "QEMU did not greet on its control connection: is \"program\" a QEMU?");
                tb_qemu_qmp_message_clear(&hello);
        }
        if (!ok || !tb_qemu_qmp_run(qmp, io, "qmp_capabilities", NULL, NULL, error)) {
                tb_qemu_qmp_close(qmp);
                return NULL;
        }
        return qmp;
}

void tb_qemu_qmp_close(TbQemuQmp *qmp)
{
        if (!qmp)
                return;
        tb_transport_close(qmp->transport);
        g_byte_array_free(qmp->in, TRUE);
        g_free(qmp);
}

int tb_qemu_qmp_fd(TbQemuQmp *qmp)
{
        return tb_transport_fd(qmp->transport);
}

bool tb_qemu_qmp_pump(TbQemuQmp *qmp, GError **error)
{
        guint8 buf[4096];
        gssize n = tb_transport_read_now(qmp->transport, buf, sizeof buf, error);
        if (n < 0)
                return false;
        g_byte_array_append(qmp->in, buf, (guint)n);
        for (;;) {
                TbQemuQmpMessage m;
                int got = next(qmp, &m, error);
                if (got <= 0)
                        return got == 0;
                tb_qemu_qmp_message_clear(&m); /* the answer to a command whose caller was interrupted */
        }
}
