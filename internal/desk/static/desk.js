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
  for (const form of root.querySelectorAll('form[data-once]')) {
    // A second click on the same button sends nothing twice; the server would refuse it anyway.
    form.addEventListener('submit', () => setTimeout(() => {
      for (const b of form.querySelectorAll('button')) b.disabled = true
    }))
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

// Pages marked data-live are read again every few seconds, unless somebody reads or picks something.
function live() {
  const main = document.getElementById('main')
  const marked = main && main.querySelector('[data-live]')
  if (!marked) return
  if (marked.dataset.live === '') return // nothing is awaited
  const typed = () => [...main.querySelectorAll('input:not([type=hidden]), textarea')].some(f => f.value !== f.defaultValue)
  const busy = () => document.hidden || typed() || String(getSelection()) !== '' || main.querySelector('input:checked, details[open], dialog[open]') ||
    (document.activeElement && document.activeElement !== document.body && document.activeElement !== main)
  const timer = setInterval(async () => {
    if (busy()) return
    try {
      const answer = await fetch(location.href, { headers: { Accept: 'text/html' }, redirect: 'error' })
      if (!answer.ok || busy()) return
      const page = new DOMParser().parseFromString(await answer.text(), 'text/html')
      const fresh = page.querySelector('[data-live]')
      const old = main.querySelector('[data-live]')
      if (fresh && old) { old.replaceWith(fresh); wire(fresh) }
      if (fresh && fresh.dataset.live === '') clearInterval(timer)
    } catch { /* the next time will do */ }
  }, Number(marked.dataset.live) * 1000 || 5000)
}

// On a narrow screen the filter's other fields fold away while none of them is used.
function fold() {
  if (!matchMedia('(max-width: 600px)').matches) return
  for (const more of document.querySelectorAll('[data-fold]')) more.open = false
}

document.addEventListener('DOMContentLoaded', () => { wire(document); fold(); live() })
