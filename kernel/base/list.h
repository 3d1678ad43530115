/* SPDX-License-Identifier: MIT */
/* Intrusive circular doubly linked list. The head is a struct list that links to itself when
 * empty. */
#ifndef KERNEL_BASE_LIST_H
#define KERNEL_BASE_LIST_H

#include "kernel/base/base.h"

struct list {
    struct list *next;
    struct list *prev;
};

/* clang-format off: it takes the braces for a block */
#define LIST_INIT(name)  \
    {                    \
        &(name), &(name) \
    }
/* clang-format on */

static inline void list_init(struct list *head)
{
    head->next = head;
    head->prev = head;
}

static inline bool list_empty(const struct list *head)
{
    return head->next == head;
}

static inline void list_insert_between(struct list *node, struct list *prev, struct list *next)
{
    node->prev = prev;
    node->next = next;
    prev->next = node;
    next->prev = node;
}

/* list_push: make node the first of head. */
static inline void list_push(struct list *head, struct list *node)
{
    list_insert_between(node, head, head->next);
}

/* list_append: make node the last of head. */
static inline void list_append(struct list *head, struct list *node)
{
    list_insert_between(node, head->prev, head);
}

/* list_remove: unlink node and leave it self-linked, so that removing it twice is harmless. */
static inline void list_remove(struct list *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
    list_init(node);
}

/* list_pop: unlink and return the first node, NULL when empty. */
static inline struct list *list_pop(struct list *head)
{
    struct list *node = head->next;
    if (node == head) {
        return NULL;
    }
    list_remove(node);
    return node;
}

/* list_move: put all nodes of from, which is empty afterwards, before those of to. */
static inline void list_move(struct list *from, struct list *to)
{
    if (!list_empty(from)) {
        from->prev->next = to->next;
        to->next->prev = from->prev;
        to->next = from->next;
        from->next->prev = to;
        list_init(from);
    }
}

#define list_entry(node, type, member) container_of(node, type, member)

/* list_for_each: the body must not remove pos; list_for_each_safe: it may. */
#define list_for_each(pos, head) for ((pos) = (head)->next; (pos) != (head); (pos) = (pos)->next)
#define list_for_each_safe(pos, tmp, head)                           \
    for ((pos) = (head)->next, (tmp) = (pos)->next; (pos) != (head); \
         (pos) = (tmp), (tmp) = (pos)->next)

#endif
