#include "server/accounts/password.h"

#include <sodium.h>
#include <string.h>

#include "lib/error.h"
#include "lib/limits.h"
#include "lib/refcount.h"
#include "lib/thread.h"

/* 32 MiB and three rounds: about a tenth of a second on a small machine (OWASP asks for 19 MiB and two). */
#define MEMORY ((gsize)32 * 1024 * 1024)
#define ROUNDS 3

typedef struct Work {
        TbHasher *hasher;               /* ref */
        char *password, *text, *wanted; /* owned; see tb_hasher_start() */
        bool check, right;
        TbHashed done;
        gpointer data;
} Work;

struct TbHasher {
        TbRefCount ref;
        TbQueue *queue;                               /* owned Work */
        TbThread *threads[TB_LIMIT_PASSWORD_THREADS]; /* owned */
        bool gone;                                    /* main */
};

/* Safe from any thread, and more than once. */
static bool ready(void)
{
        return sodium_init() >= 0;
}

bool tb_password_is_good(const char *password, const char *user, GError **error)
{
        gsize size = strlen(password);
        bool is_text = g_utf8_validate(password, (gssize)size, NULL);
        glong letters = is_text ? g_utf8_strlen(password, (gssize)size) : 0; /* as who types them counts */
        if (!is_text)
                tb_error_set_field(error, TB_ERROR_INVALID, "password", "the password is not UTF-8");
        else if (letters < TB_LIMIT_PASSWORD_MIN || letters > TB_LIMIT_PASSWORD)
                tb_error_set_field(error, TB_ERROR_INVALID, "password",
                                   "a password has %d to %d characters: some words that nobody guesses",
                                   TB_LIMIT_PASSWORD_MIN, TB_LIMIT_PASSWORD);
        else if (g_ascii_strcasecmp(password, user) == 0)
                tb_error_set_field(error, TB_ERROR_INVALID, "password",
                                   "the name is the first password that is guessed: take another one");
        else if (strspn(password, (char[]){*password, '\0'}) == size)
                tb_error_set_field(error, TB_ERROR_INVALID, "password",
                                   "one character all over is guessed at once: take another password");
        else {
                for (const char *c = password; *c; c++) {
                        if ((guchar)*c >= ' ' && *c != 0x7f)
                                continue;
                        tb_error_set_field(error, TB_ERROR_INVALID, "password",
                                           "the password has a control character in it");
                        return false;
                }
                return true;
        }
        return false;
}

bool tb_password_is_text(const char *text)
{
        return g_str_has_prefix(text, crypto_pwhash_STRPREFIX) && strlen(text) < crypto_pwhash_STRBYTES;
}

char *tb_password_hash_now(const char *password)
{
        char text[crypto_pwhash_STRBYTES];
        return ready() && crypto_pwhash_str(text, password, strlen(password), ROUNDS, MEMORY) == 0
                       ? g_strdup(text)
                       : NULL;
}

bool tb_password_verify_now(const char *password, const char *text)
{
        if (!ready())
                return false;
        if (text)
                return tb_password_is_text(text) &&
                       crypto_pwhash_str_verify(text, password, strlen(password)) == 0;
        guint8 key[32];
        static const guint8 salt[crypto_pwhash_SALTBYTES] = {1}; /* nobody's: its time is all that matters */
        int made = crypto_pwhash(key, sizeof key, password, strlen(password), salt, ROUNDS, MEMORY,
                                 crypto_pwhash_ALG_ARGON2ID13);
        sodium_memzero(key, sizeof key);
        return made > 0; /* never */
}

void tb_password_wipe(char *password)
{
        if (password)
                sodium_memzero(password, strlen(password));
}

/* --- threads --- */
static void hasher_unref(TbHasher *h)
{
        if (!tb_ref_dec(&h->ref))
                return;
        tb_queue_free(h->queue);
        g_free(h);
}

static void work_free(gpointer p)
{
        Work *w = p;
        tb_password_wipe(w->password);
        tb_password_wipe(w->wanted);
        g_free(w->password);
        g_free(w->wanted);
        g_free(w->text);
        g_free(w);
}

static void on_worked(gpointer data) /* main */
{
        Work *w = data;
        TbHasher *h = w->hasher;
        if (!h->gone)
                w->done(w->right, w->text, w->data);
        work_free(w);
        hasher_unref(h);
}

static void run(gpointer data)
{
        TbHasher *h = data;
        for (Work *w; (w = tb_queue_take(h->queue, -1));) {
                w->right = !w->check || tb_password_verify_now(w->password, w->text);
                g_clear_pointer(&w->text, g_free);
                if (w->right && w->wanted)
                        w->text = tb_password_hash_now(w->wanted);
                if (!tb_main_post(on_worked, w)) {
                        hasher_unref(w->hasher);
                        work_free(w);
                }
        }
}

TbHasher *tb_hasher_new(GError **error)
{
        TbHasher *h = g_new0(TbHasher, 1);
        tb_ref_init(&h->ref);
        h->queue = tb_queue_new(TB_LIMIT_PASSWORD_QUEUE, NULL);
        for (guint i = 0; i < G_N_ELEMENTS(h->threads); i++)
                if (!(h->threads[i] = tb_thread_try_start("password", run, h, error))) {
                        tb_hasher_free(h);
                        return NULL;
                }
        return h;
}

void tb_hasher_free(TbHasher *h)
{
        if (!h)
                return;
        h->gone = true;
        for (Work *w; (w = tb_queue_take(h->queue, 0));) { /* nobody waits for these any more */
                work_free(w);
                hasher_unref(h);
        }
        tb_queue_close(h->queue);
        for (guint i = 0; i < G_N_ELEMENTS(h->threads); i++)
                tb_thread_join(h->threads[i]);
        hasher_unref(h);
}

bool tb_hasher_start(TbHasher *h, const char *password, bool check, const char *text, const char *wanted,
                     TbHashed done, gpointer data, GError **error)
{
        Work *w = g_new0(Work, 1);
        w->hasher = h;
        w->password = g_strdup(password);
        w->text = g_strdup(text);
        w->wanted = g_strdup(wanted);
        w->check = check;
        w->done = done;
        w->data = data;
        tb_ref_inc(&h->ref);
        if (tb_queue_push(h->queue, w))
                return true;
        hasher_unref(h);
        work_free(w);
        tb_set_error(error, TB_ERROR_UNAVAILABLE,
                     "many sign in at this moment, and each password takes its time: again in a moment");
        return false;
}

guint tb_hasher_waiting(TbHasher *h)
{
        return tb_queue_length(h->queue);
}
