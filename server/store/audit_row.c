#include "server/store/audit_row.h"

#include <string.h>
#include <sys/random.h>

#define SALT 32   /* digits */
#define DIGEST 64 /* digits */

const char *const tb_audit_fields[TB_AUDIT_FIELDS] = {"user",    "action",  "object",
                                                      "outcome", "address", "request"};

void tb_audit_row_free(gpointer data)
{
        TbAuditRow *row = data;
        for (guint i = 0; i < TB_AUDIT_FIELDS; i++)
                g_free(row->fields[i]);
        g_free(row->salts);
        g_free(row->prev);
        g_free(row->hash);
        g_free(row);
}

static char *sha256(const char *text)
{
        return g_compute_checksum_for_string(G_CHECKSUM_SHA256, text, -1);
}

static bool is_hex(const char *text, gsize digits)
{
        return strlen(text) == digits && strspn(text, "0123456789abcdef") == digits;
}

static char *new_salts(void)
{
        guint8 random[SALT / 2];
        GString *out = g_string_new(NULL);
        g_assert(getrandom(random, sizeof random, 0) == sizeof random);
        for (guint i = 0; i < sizeof random; i++)
                g_string_append_printf(out, "%02x", random[i]);
        return g_string_free(out, FALSE);
}

/* Six items, each a salt or "=" and a digest; NULL: it is neither this nor the one salt of them all. The caller frees. */
static char **items_of(const char *salts)
{
        g_auto(GStrv) items = g_strsplit(salts ? salts : "", ",", TB_AUDIT_FIELDS + 1);
        guint n = g_strv_length(items);
        if (n == 1 && is_hex(items[0], SALT)) {
                char **out = g_new0(char *, TB_AUDIT_FIELDS + 1);
                for (guint i = 0; i < TB_AUDIT_FIELDS; i++) {
                        g_autofree char *text = g_strconcat(tb_audit_fields[i], ":", items[0], NULL),
                                        *whole = sha256(text);
                        out[i] = g_strndup(whole, SALT);
                }
                return out;
        }
        for (guint i = 0; i < n; i++)
                if (!(items[i][0] == '=' ? is_hex(items[i] + 1, DIGEST) : is_hex(items[i], SALT)))
                        return NULL;
        return n == TB_AUDIT_FIELDS ? g_steal_pointer(&items) : NULL;
}

/* The caller frees. */
static char *digest_of(const char *item, const char *value)
{
        g_autofree char *text = g_strconcat(item, ":", value, NULL);
        return item[0] == '=' ? g_strdup(item + 1) : sha256(text);
}

char *tb_audit_row_hash(const TbAuditRow *row)
{
        g_auto(GStrv) items = items_of(row->salts);
        g_autoptr(GString) text = g_string_new("testbed-audit-1\n");
        if (!items || !row->prev)
                return NULL;
        g_string_append_printf(text, "%s\n%" G_GINT64_FORMAT "\n%" G_GINT64_FORMAT "\n", row->prev, row->id,
                               row->at_ms);
        for (guint i = 0; i < TB_AUDIT_FIELDS; i++) {
                g_autofree char *digest = digest_of(items[i], row->fields[i]);
                g_string_append_printf(text, "%s\n", digest);
        }
        return sha256(text->str);
}

void tb_audit_row_chain(TbAuditRow *row, const char *prev)
{
        if (!row->salts || !*row->salts) {
                g_free(row->salts);
                row->salts = new_salts();
        }
        g_free(row->prev);
        g_free(row->hash);
        row->prev = g_strdup(prev);
        row->hash = tb_audit_row_hash(row);
}

bool tb_audit_row_is_sealed(const TbAuditRow *row, TbAuditField field)
{
        g_auto(GStrv) items = items_of(row->salts);
        return items && items[field][0] == '=';
}

bool tb_audit_row_seal(TbAuditRow *row, TbAuditField field, const char *instead)
{
        g_auto(GStrv) items = items_of(row->salts);
        if (!items)
                return false;
        if (items[field][0] != '=') {
                g_autofree char *digest = digest_of(items[field], row->fields[field]);
                g_free(items[field]);
                items[field] = g_strconcat("=", digest, NULL);
        }
        g_free(row->salts);
        row->salts = g_strjoinv(",", items);
        g_free(row->fields[field]);
        row->fields[field] = g_strdup(instead);
        return true;
}
