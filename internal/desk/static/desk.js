// What makes the pages more pleasant. Everything works without it: nothing here decides anything.
'use strict'

// One click copies a number, also where the page came over plain http.
function copy(text) {
  if (navigator.clipboard && window.isSecureContext) return navigator.clipboard.writeText(text)
  const box = document.createElement('textarea')
  box.value = text
  document.body.append(box)
  box.select()
  document.execCommand('copy')
  box.remove()
  return Promise.resolve()
}

function wire(root) {
  for (const button of root.querySelectorAll('[data-copy]')) {
    button.hidden = false
    button.addEventListener('click', () => copy(button.dataset.copy).then(() => {
      button.classList.add('done')
      setTimeout(() => button.classList.remove('done'), 1200)
    }))
  }
  for (const form of root.querySelectorAll('[data-selection]')) selection(form)
  for (const area of root.querySelectorAll('[data-drop]')) dropping(area)
  for (const form of root.querySelectorAll('form[data-once]')) {
    // A second click on the same button sends nothing twice; the server would refuse it anyway.
    form.addEventListener('submit', () => setTimeout(() => {
      for (const b of form.querySelectorAll('button')) {
        b.disabled = true
        if (b.dataset.busy) b.textContent = b.dataset.busy
      }
    }))
  }
}

// A file may be dropped where it is chosen; one that is too large is not sent.
function dropping(area) {
  const field = area.querySelector('input[type=file]')
  const check = () => field.setCustomValidity(field.files[0] && field.files[0].size > Number(field.dataset.most) ? field.dataset.tooLarge : '')
  field.addEventListener('change', check)
  for (const name of ['dragover', 'dragleave', 'drop']) {
    area.addEventListener(name, event => {
      event.preventDefault()
      area.classList.toggle('over', name === 'dragover')
      if (name === 'drop' && event.dataTransfer.files.length) { field.files = event.dataTransfer.files; check() }
    })
  }
}

// Picking rows: all on the page, or everything that matches.
function selection(form) {
  const boxes = [...form.querySelectorAll('input[name=id]')]
  const all = form.querySelector('[data-all]')
  const everything = form.querySelector('[data-everything]')
  const label = form.querySelector('[data-picked]')
  if (!label) return
  const show = () => {
    const n = boxes.filter(b => b.checked).length
    label.textContent = everything.checked || n === 0 ? '' : label.dataset.picked.replace('%s', n)
    if (all) { all.checked = n > 0 && n === boxes.length; all.indeterminate = n > 0 && n < boxes.length }
  }
  if (all) all.addEventListener('change', () => { for (const b of boxes) b.checked = all.checked; everything.checked = false; show() })
  for (const b of boxes) b.addEventListener('change', () => { everything.checked = false; show() })
  everything.addEventListener('change', () => { if (everything.checked) for (const b of boxes) b.checked = false; show() })
  show()
}

// A field that is not as the page came.
function changed(field) {
  if (field.type === 'checkbox' || field.type === 'radio') return field.checked !== field.defaultChecked
  if (field.tagName !== 'SELECT') return field.value !== field.defaultValue
  return field.selectedIndex !== Math.max(0, [...field.options].findIndex(o => o.defaultSelected))
}

// What stands for an element when its part of the page is read again; nothing when it has no name of its own.
function twin(element, old, fresh) {
  const name = e => [e.id, ...['href', 'name', 'value', 'data-copy', 'aria-label'].map(a => e.getAttribute(a))].join('|')
  const same = root => [...root.querySelectorAll(element.tagName)].filter(e => name(e) === name(element))
  return same(old).length === 1 && same(fresh).length === 1 ? same(fresh)[0] : null
}

// Parts of a page that are marked data-live are read again after so many seconds, unless somebody reads, picks or
// types something. What has the focus keeps it.
function live() {
  const main = document.getElementById('main')
  const parts = root => [...root.querySelectorAll('[data-live]')]
  const focused = () => parts(main).some(p => p.contains(document.activeElement)) ? document.activeElement : null
  const busy = () => document.hidden || String(getSelection()) !== '' ||
    [...main.querySelectorAll('input:not([type=hidden]), textarea, select')].some(changed) ||
    main.querySelector('[data-live] :is(input:checked, details[open]), dialog[open], tbody tr:hover, .bulkbar:hover') ||
    (focused() && focused().matches('input:not([type=checkbox]), textarea, select'))
  const look = async () => {
    if (busy()) return
    const answer = await fetch(location.href, { headers: { Accept: 'text/html' }, redirect: 'error' })
    if (!answer.ok) return
    const fresh = parts(new DOMParser().parseFromString(await answer.text(), 'text/html'))
    if (busy() || fresh.length !== parts(main).length) return
    const focus = focused()
    parts(main).forEach((old, i) => {
      const heir = focus && old.contains(focus) ? twin(focus, old, fresh[i]) : null
      if (focus && old.contains(focus) && !heir) return
      const left = [...old.querySelectorAll('.scroll')].map(e => e.scrollLeft)
      old.replaceWith(fresh[i])
      wire(fresh[i])
      ;[...fresh[i].querySelectorAll('.scroll')].forEach((e, n) => { e.scrollLeft = left[n] || 0 })
      if (heir) heir.focus({ preventScroll: true })
    })
  }
  const wait = () => {
    const part = main && parts(main)[0]
    if (!part || part.dataset.live === '') return // nothing is awaited
    setTimeout(() => look().catch(() => { /* the next time will do */ }).finally(wait), Number(part.dataset.live) * 1000)
  }
  wait()
}

// On a narrow screen the filter's other fields fold away while none of them is used.
function fold() {
  if (!matchMedia('(max-width: 600px)').matches) return
  for (const more of document.querySelectorAll('[data-fold]')) more.open = false
}

document.addEventListener('DOMContentLoaded', () => { wire(document); fold(); live() })
